import { done, type Endpoint, json, text } from '../endpoint.js'

export const runtime: Endpoint = {
  path: '/runtime',
  help: 'runtime values, layer by layer',
  answer: (_request, backend) => {
    const { layers, entries } = backend.runtime()
    const shown = [...entries].map(([key, values]) => {
      const set = values.filter(value => value !== '')
      return [key, { layer_values: [...values], final_value: set.at(-1) ?? '' }] as const
    })
    return json({ entries: Object.fromEntries(shown), layers: [...layers] })
  },
}

const usage = `usage: /runtime_modify?key1=value1&key2=value2&keyN=valueN
       or send the parameters as form values
use an empty value to remove a previously added override`

export const runtimeModify: Endpoint = {
  path: '/runtime_modify',
  help: 'set runtime values in the admin layer (?key1=value1&key2=value2...); an empty value takes an earlier one away',
  isPost: true,
  answer: ({ query, form }, backend) => {
    const changes = new Map([...query, ...form])
    if (changes.size === 0) return text(usage, 400)
    const outcome = backend.modifyRuntime(changes)
    return outcome.ok ? done() : text(outcome.error, 503)
  },
}
