import { type Endpoint, json } from '../endpoint.js'

export const initDump: Endpoint = {
  path: '/init_dump',
  help: 'what the server still waits for before it is ready',
  parameters: [{ name: 'mask', help: 'only this component, for example `listener`' }],
  answer: async ({ query }, backend) => {
    const mask = query.get('mask')
    // As in Envoy, listeners are the only component that has something to tell.
    const dumps = mask === null || mask === '' || mask === 'listener' ? await backend.initDump() : []
    if (dumps.length === 0) return json({})
    return json({
      unready_targets_dumps: dumps.map(({ name, targetNames }) => ({
        name,
        ...(targetNames.length > 0 && { target_names: [...targetNames] }),
      })),
    })
  },
}
