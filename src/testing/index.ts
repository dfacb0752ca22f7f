/** `nuncio/testing`: unit tests of filters without a socket. */
export {
  type FilterUnderTest,
  type SeenRequest,
  testHttpFilter,
  type TestOptions,
  type TestRequest,
  type TestResponse,
  type TestResult,
} from './http-filter.js'
export type { UnderTest } from './harness.js'
export type { TestConnectionInfo } from './memory-connections.js'
export {
  type NetworkFilterUnderTest,
  type TestConnection,
  type TestConnectionOptions,
  testNetworkFilter,
} from './network-filter.js'
export {
  type AcceptResultSeen,
  type ListenerFilterUnderTest,
  type TestAccept,
  testListenerFilter,
} from './listener-filter.js'
export { type AccessLoggerUnderTest, testAccessLogger } from './access-logger.js'
export type { CallAnswer, SeenCall, TestCluster } from './memory-calls.js'
