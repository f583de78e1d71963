import { expect, test } from 'vitest'
import { mediaOf as discord } from '../../src/channels/discord/intake/media.ts'
import { checkSize, type ReadableFile } from '../../src/channels/kit/files/readable-file.ts'
import { mediaOf as matrix } from '../../src/channels/matrix/intake/media.ts'
import { fileOf as slack } from '../../src/channels/slack/intake/media.ts'
import { mediaOf as telegram } from '../../src/channels/telegram/intake/media.ts'

/** A file of this type and name as each platform announces it; a string is the sentence for what cannot be read. */
const ANNOUNCED: Readonly<
  Record<string, (type: string | undefined, name: string, size?: number) => ReadableFile | string>
> = {
  telegram(type, name, size) {
    const document = { file_id: 'x', file_unique_id: 'x', file_name: name, mime_type: type, file_size: size }
    const media = telegram({ document } as never)
    return media.kind === 'file' ? media.file : media.kind === 'none' ? 'none' : media.sentence
  },
  discord(type, name, size) {
    const attachment = { url: 'https://cdn.discordapp.com/x', filename: name, content_type: type, size }
    const media = discord({ attachments: [attachment as never], hasSticker: false, hasPoll: false, flags: 0 })
    return media.kind === 'files' ? media.files[0]! : media.kind === 'none' ? 'none' : media.sentence
  },
  slack(type, name, size) {
    const url = { url_private: 'https://files.slack.com/x' }
    return slack({
      name,
      ...url,
      ...(type === undefined ? {} : { mimetype: type }),
      ...(size ? { size } : {}),
    })
  },
  matrix(type, name, size) {
    const content = { msgtype: 'm.file', body: name, url: 'mxc://a/b', info: { mimetype: type, size } }
    const media = matrix({ content } as never)
    return media.kind === 'file' ? media.file : media.kind === 'none' ? 'none' : media.sentence
  },
}

test.each(Object.entries(ANNOUNCED))(
  '%s: a file whose type says nothing is read all the same',
  (_platform, announce) => {
    for (const type of ['application/octet-stream', 'binary/octet-stream', '', undefined]) {
      expect(announce(type, 'IMG.JPG')).toMatchObject({ name: 'IMG.JPG', mediaType: 'image/jpeg' })
      expect(announce(type, 'plan.pdf')).toMatchObject({ mediaType: 'application/pdf' })
      expect(announce(type, 'notes.MD')).toMatchObject({ mediaType: 'text/plain' })
      expect(announce(type, 'scan')).toMatchObject({ mediaType: 'application/octet-stream' })
      expect(announce(type, 'film.mov')).toContain('of another kind')
    }
    expect(announce('image/jpg', 'x')).toMatchObject({ mediaType: 'image/jpeg' })
    expect(announce('application/zip', 'a.jpg')).toContain('of another kind')
  },
)

test.each(Object.entries(ANNOUNCED))(
  '%s: what is announced as too large is said with its limit',
  (_platform, announce) => {
    const check = (type: string, name: string, megabytes: number) => () =>
      checkSize(announce(type, name, megabytes * 1024 * 1024) as ReadableFile)
    expect(check('image/png', 'cat.png', 4.5)).toThrow('This picture is larger than 3.75 MB')
    expect(check('application/octet-stream', 'IMG.JPG', 4.5)).toThrow('This picture is larger than 3.75 MB')
    expect(check('image/png', 'cat.png', 3.75)).not.toThrow()
    expect(check('application/pdf', 'plan.pdf', 21)).toThrow('larger than 20 MB')
    expect(check('text/csv', 'a.csv', 3)).toThrow('more text than I can read at once')
  },
)
