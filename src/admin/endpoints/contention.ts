import { type Endpoint, text } from '../endpoint.js'

export const contention: Endpoint = {
  path: '/contention',
  help: 'contended locks (not traced here)',
  answer: () => text('Mutex contention tracing is not enabled. To enable, run Envoy with flag --enable-mutex-tracing.'),
}
