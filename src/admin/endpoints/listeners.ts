import type { ListenerStatus } from '../backend.js'
import { type Endpoint, json, text } from '../endpoint.js'
import { addressJson, addressText } from '../socket-text.js'

export const listeners: Endpoint = {
  path: '/listeners',
  help: 'listeners and their addresses',
  parameters: [{ name: 'format', help: 'output format', choices: ['text', 'json'] }],
  answer: ({ query }, backend) => {
    const all = backend.listeners()
    return query.get('format') === 'json'
      ? json(all.length === 0 ? {} : { listener_statuses: all.map(toJson) })
      : text(toText(all))
  },
}

function toText(all: readonly ListenerStatus[]): string {
  return all.flatMap(({ name, addresses }) => addresses.map(address => `${name}::${addressText(address)}\n`)).join('')
}

function toJson({ name, addresses }: ListenerStatus) {
  const [first, ...others] = addresses.map(addressJson)
  return {
    ...(name === '' ? {} : { name }),
    ...(first ? { local_address: first } : {}),
    ...(others.length > 0 ? { additional_local_addresses: others } : {}),
  }
}
