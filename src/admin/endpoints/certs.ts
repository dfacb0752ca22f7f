import { type Endpoint, json } from '../endpoint.js'

export const certs: Endpoint = {
  path: '/certs',
  help: 'certificates in use',
  answer: (_request, backend) => json({ certificates: [...backend.certificates()] }),
}
