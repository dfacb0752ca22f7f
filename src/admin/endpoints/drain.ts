import { done, type Endpoint } from '../endpoint.js'

export const drainListeners: Endpoint = {
  path: '/drain_listeners',
  help: 'drain the listeners',
  isPost: true,
  parameters: [
    {
      name: 'graceful',
      help: 'tell connections to go during the drain time (--drain-time-s) before listeners are closed',
      isFlag: true,
    },
    { name: 'skip_exit', help: 'only tell connections to go; listeners stay open', isFlag: true },
    { name: 'inboundonly', help: 'only listeners whose traffic_direction is INBOUND', isFlag: true },
  ],
  answer: ({ query }, backend) => {
    backend.drainListeners({
      graceful: query.has('graceful'),
      inboundOnly: query.has('inboundonly'),
      skipExit: query.has('skip_exit'),
    })
    return done()
  },
}
