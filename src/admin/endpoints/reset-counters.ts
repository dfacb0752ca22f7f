import { done, type Endpoint } from '../endpoint.js'

export const resetCounters: Endpoint = {
  path: '/reset_counters',
  help: 'set all counters to zero',
  isPost: true,
  answer: (_request, backend) => {
    backend.stats.resetCounters()
    return done()
  },
}
