/**
 * The measured claims: `npm run bench` runs the gateway's, `npm run bench -- NAME …` others by name.
 * Each is loaded when it runs, for what one imports would weigh on another's figures.
 */
const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  gateway: async () => (await import('./gateway/gateway.ts')).benchGateway(),
  hold: async () => (await import('./gateway/hold.ts')).benchHold(),
  // `npm run bench -- storage 1000000` fills it first.
  storage: async () => void (await import('./storage.ts')),
  cost: async () => (await import('./cost.ts')).benchCost(),
  credential: async () => (await import('./credential.ts')).benchCredential(),
  attack: async () => (await import('./attack/attack.ts')).benchAttack(),
  scale: async () => (await import('./scale/scale.ts')).benchScale(),
}

const names = process.argv.slice(2).filter((name) => Number.isNaN(Number(name)))
for (const name of names.length > 0 ? names : ['gateway']) {
  const bench = BENCHES[name]
  if (!bench) {
    console.error(`There is no bench "${name}". There are: ${Object.keys(BENCHES).join(', ')}.`)
    process.exit(2)
  }
  await bench()
}
