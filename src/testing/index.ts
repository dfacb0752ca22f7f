/** `nuncio/testing`: unit tests of filters without a socket. */
export {
  type FilterUnderTest,
  type SeenRequest,
  testHttpFilter,
  type TestRequest,
  type TestResponse,
  type TestResult,
} from './http-filter.js'
