import { done, type Endpoint } from '../endpoint.js'

export const healthCheckFail: Endpoint = {
  path: '/healthcheck/fail',
  help: 'answer health checks as failed from now on',
  isPost: true,
  answer: (_request, backend) => {
    backend.setHealthFailed(true)
    return done()
  },
}

export const healthCheckOk: Endpoint = {
  path: '/healthcheck/ok',
  help: 'take /healthcheck/fail back',
  isPost: true,
  answer: (_request, backend) => {
    backend.setHealthFailed(false)
    return done()
  },
}
