/** What a user of the package imports. */
export { Server } from './main/server.js'
export { type Command, type Options, parseCommandLine, type UsageError } from './command-line.js'
export { err, ok, type Result } from './support/result.js'
export * from './api/index.js'
export {
  ConfigurationError,
  createProxy,
  type InjectedRequest,
  type InjectedResponse,
  type Proxy,
  type ProxyConfig,
  type ProxyOptions,
} from './main/proxy.js'
