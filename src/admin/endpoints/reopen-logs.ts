import { done, type Endpoint } from '../endpoint.js'

export const reopenLogs: Endpoint = {
  path: '/reopen_logs',
  help: 'open the access-log files anew',
  isPost: true,
  answer: (_request, backend) => {
    backend.reopenLogs()
    return done()
  },
}
