import { type Endpoint, json } from '../endpoint.js'

export const serverInfo: Endpoint = {
  path: '/server_info',
  help: 'version, state and options of the server',
  answer: (_request, backend) => {
    const info = backend.serverInfo()
    return json({
      version: info.version,
      state: backend.serverState(),
      uptime_current_epoch: `${info.uptimeCurrentEpochS}s`,
      uptime_all_epochs: `${info.uptimeAllEpochsS}s`,
      hot_restart_version: info.hotRestartVersion,
      command_line_options: info.commandLineOptions,
      node: info.node,
      hot_restart_initializing: false,
    })
  },
}
