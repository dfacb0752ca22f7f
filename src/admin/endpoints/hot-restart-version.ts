import { type Endpoint, text } from '../endpoint.js'

export const hotRestartVersion: Endpoint = {
  path: '/hot_restart_version',
  help: 'version of the hot-restart protocol',
  answer: (_request, backend) => text(backend.hotRestartVersion()),
}
