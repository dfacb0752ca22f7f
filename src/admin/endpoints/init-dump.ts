import { type Endpoint, json } from '../endpoint.js'

export const initDump: Endpoint = {
  path: '/init_dump',
  help: 'what the server still waits for before it is ready',
  parameters: [{ name: 'mask', help: 'only this component, for example `listener`' }],
  answer: ({ query }, backend) => {
    const mask = query.get('mask')
    const dumps = backend.initDump().filter(({ name }) => !mask || name === mask || name.startsWith(`${mask} `))
    if (dumps.length === 0) return json({})
    return json({
      unready_targets_dumps: dumps.map(({ name, targetNames }) => ({ name, target_names: [...targetNames] })),
    })
  },
}
