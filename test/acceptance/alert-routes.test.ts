import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import {
  MailReceiver,
  makeCertificate,
  NO_CERTIFICATES,
  PostReceiver,
} from '../support/provider/alert-receivers.ts'

const PASSWORD = 'smtp-TEST-password/with:odd@signs'
const NTFY_TOKEN = 'tk_TEST_ntfy_token_0123456789'
const SECRETS = [
  {
    title: 'in the notation of Standard Webhooks',
    secret: `whsec_${Buffer.from('TEST secret of 24 bytes!').toString('base64')}`,
  },
  { title: 'as plain text', secret: 'TEST-plain-secret' },
]

interface Tested {
  readonly items: ReadonlyArray<{ route: string; working: boolean; problem: string | null }>
}

test.each(SECRETS)(
  'a webhook signed with a secret $title is accepted by an independent verifier',
  PROCESS_TEST,
  async ({ secret }) => {
    await using receiver = await PostReceiver.start()
    await using gateway = await GatewayProcess.prepare({
      config: { alerts: [{ type: 'webhook', url: `${receiver.url}/hook`, secret }] },
    })
    const { code, stdout } = await gateway.run(['alerts', 'test', '--json'])
    expect((JSON.parse(stdout) as Tested).items).toMatchObject([{ working: true, problem: null }])
    expect(code).toBe(0)
    const [post] = receiver.posts
    const verifier = secret.startsWith('whsec_')
      ? new Webhook(secret)
      : new Webhook(secret, { format: 'raw' })
    const body = verifier.verify(post!.body, post!.headers) as {
      id: string
      event: string
      text: string
      at: string
    }
    expect(post!.path).toBe('/hook')
    expect(body).toMatchObject({ event: 'test', id: post!.headers['webhook-id'] })
    expect(new Date(body.at).toISOString()).toBe(body.at)
    expect(() => verifier.verify(post!.body.replace('test', 'Test'), post!.headers)).toThrow(
      'No matching signature',
    )
    expect(() => new Webhook('whsec_b3RoZXI=').verify(post!.body, post!.headers)).toThrow(
      'No matching signature',
    )
  },
)

test(
  'an ntfy alert is a POST of the text to the topic with a title, a priority, tags and the token',
  PROCESS_TEST,
  async () => {
    await using receiver = await PostReceiver.start()
    await using gateway = await GatewayProcess.prepare({
      config: { alerts: [{ type: 'ntfy', url: `${receiver.url}/my-topic`, token: NTFY_TOKEN }] },
    })
    expect((await gateway.run(['alerts', 'test'])).code).toBe(0)
    const [{ path, headers, body }] = receiver.posts as [(typeof receiver.posts)[0]]
    expect(path).toBe('/my-topic')
    expect(body).toMatch(/^Test alert from Hermes Gateway/)
    expect(headers).toMatchObject({
      authorization: `Bearer ${NTFY_TOKEN}`,
      title: 'Hermes Gateway',
      priority: expect.stringMatching(/^[1-5]$/),
      tags: expect.stringMatching(/^[a-z_]+$/),
    })
  },
)

test('an ntfy topic without a token is refused before anything is sent', PROCESS_TEST, async () => {
  await using receiver = await PostReceiver.start()
  await using gateway = await GatewayProcess.prepare({
    config: { alerts: [{ type: 'ntfy', url: `${receiver.url}/my-topic` }] },
  })
  gateway.spawn()
  expect((await gateway.ended).code).toBe(78)
  expect(gateway.stderr).toContain('ntfy')
  expect(receiver.posts).toEqual([])
})

test.runIf(NO_CERTIFICATES === null)(
  `mail goes out only encrypted and with the password, by TLS and by STARTTLS${NO_CERTIFICATES ? ` (${NO_CERTIFICATES})` : ''}`,
  PROCESS_TEST,
  async () => {
    using certificate = makeCertificate()
    await using tls = await MailReceiver.start(certificate, 'tls', PASSWORD)
    await using starttls = await MailReceiver.start(certificate, 'starttls', PASSWORD)
    const login = `alerts%40example.org:${encodeURIComponent(PASSWORD)}`
    const route = (scheme: string, port: number) => ({
      type: 'email',
      to: 'operator@example.org',
      from: 'hermes@example.org',
      smtp: `${scheme}://${login}@127.0.0.1:${port}`,
    })
    const config = { alerts: [route('smtps', tls.port), route('smtp', starttls.port)] }
    const mails = () => [...tls.mails, ...starttls.mails]

    // Nobody that it does not trust gets the password.
    await using stranger = await GatewayProcess.prepare({ config })
    const refused = await stranger.run(['alerts', 'test', '--json'])
    expect((JSON.parse(refused.stdout) as Tested).items.map(({ working }) => working)).not.toContain(true)
    expect(refused.code).toBe(1)
    expect(mails()).toEqual([])

    await using gateway = await GatewayProcess.prepare({
      config,
      processEnv: { NODE_EXTRA_CA_CERTS: certificate.path },
    })
    const sent = await gateway.run(['alerts', 'test', '--json'])
    expect(sent.code).toBe(0)
    expect(mails()).toHaveLength(2)
    for (const mail of mails()) {
      expect(mail).toMatchObject({ user: 'alerts@example.org', secure: true, to: ['operator@example.org'] })
      expect(mail.text).toMatch(/^Subject: Hermes Gateway: Test alert from Hermes Gateway/m)
      expect(mail.text).toMatch(/^Auto-Submitted: auto-generated/m)
      expect(mail.text).toMatch(/^Message-ID: <[^@>]+@hermes-gateway>/im)
    }
    const printed = [refused, sent].map(({ stdout, stderr }) => stdout + stderr).join('')
    expect(printed).not.toContain(PASSWORD)
    expect(printed).not.toContain(encodeURIComponent(PASSWORD))
  },
)
