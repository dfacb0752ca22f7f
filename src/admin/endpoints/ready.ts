import { type Endpoint, text } from '../endpoint.js'

export const ready: Endpoint = {
  path: '/ready',
  help: 'state of the server: 200 when it is LIVE, else 503',
  answer: (_request, backend) => {
    const state = backend.serverState()
    return text(`${state}\n`, state === 'LIVE' ? 200 : 503)
  },
}
