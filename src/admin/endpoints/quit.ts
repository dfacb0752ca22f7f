import { done, type Endpoint } from '../endpoint.js'

export const quit: Endpoint = {
  path: '/quitquitquit',
  help: 'end the process',
  isPost: true,
  answer: (_request, backend) => {
    backend.quit()
    return done()
  },
}
