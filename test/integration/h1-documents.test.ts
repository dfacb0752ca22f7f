// The codec documents (test/conformance/h1), each sent through a running proxy: what the codec tells there is what client and upstream
// see here.
import { http } from '../support/config.js'
import { type DocumentCase, documentCases, told } from '../support/h1-documents.js'
import { feature, type Scene } from '../support/scenario.js'
import { target } from '../support/target.js'

/** The settings a listener can have, and its fields; a case with another setting is left to the codec's own test. */
const listeners: Readonly<Record<string, string>> = {
  '': '',
  accept_http_10: 'http_protocol_options: {accept_http_10: true}',
  'accept_http_10 default_host': 'http_protocol_options: {accept_http_10: true, default_host_for_http_10: dh}',
  enable_trailers: 'http_protocol_options: {enable_trailers: true}',
  allow_chunked_length: 'http_protocol_options: {allow_chunked_length: true}',
  allow_custom_methods: 'http_protocol_options: {allow_custom_methods: true}',
  no_absolute_url: 'http_protocol_options: {allow_absolute_url: false}',
  reject_underscores: 'common_http_protocol_options: {headers_with_underscores_action: REJECT_REQUEST}',
  drop_underscores: 'common_http_protocol_options: {headers_with_underscores_action: DROP_HEADER}',
  max_headers: 'common_http_protocol_options: {max_headers_count: 3}',
}

const listenerOf = ({ settings }: DocumentCase): string | undefined => {
  const key = [...settings.keys()].filter(name => name !== 'half_close').join(' ')
  if (key === 'max_headers' && settings.get('max_headers') !== '3') return undefined
  return key in listeners ? `with-${key.replaceAll(' ', '-')}` : undefined
}

/** What a proxy in good order may refuse though the codec lets it pass: rules of its own, above the codec. */
const aboveTheCodec = new Set(['400', '404', '403'])

async function tryRequest(s: Scene, one: DocumentCase, listener: string): Promise<string | undefined> {
  const { messages, error: refusal } = told(one)
  // The answer to a request of HTTP/1.0 is the last one: what comes after it is not read.
  const error = messages.some(message => message.version === 'HTTP/1.0' && message.isComplete) ? undefined : refusal
  const upstream = s.upstream()
  upstream.forget()
  upstream.always((connection, request) =>
    connection.send(
      request.startLine.startsWith('HEAD ')
        ? 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n'
        : 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
    ),
  )
  const client = await s.connect(listener)
  await client.send(one.input)
  const complete = messages.filter(message => message.isComplete)
  const wanted = complete.length + (error === undefined ? 0 : 1)
  // A client that ends takes back what is not answered yet.
  if (one.settings.has('half_close') && complete.length === 0) client.end()
  if (wanted > 0) await client.response(wanted).catch(() => undefined)
  const statuses = client.responses
    .map(response => response.startLine.split(' ')[1] ?? '')
    .filter(status => status !== '100')
  client.destroy()
  const seen = upstream.requests.map(request => request.startLine)
  const story = `wanted ${complete.map(m => m.fields.get(':method')).join(' ')} ${error ?? ''}; answers ${statuses.join(' ')}; upstream ${seen.join(' | ')}`
  for (const [index, message] of complete.entries()) {
    const status = statuses[index]
    if (status === undefined) return story
    if (status === '200') {
      const request = upstream.requests.shift()
      const { startLine = '', body = Buffer.alloc(0) } = request ?? {}
      if (!startLine.startsWith(`${message.fields.get(':method')} `)) return story
      if (!request?.headers.has('transfer-encoding') && body.toString('latin1') !== message.body)
        return `${story}; body ${body.toString('latin1')}`
    } else if (aboveTheCodec.has(status)) return undefined
    else return story
  }
  if (error !== undefined && statuses[complete.length] !== String(error)) return story
  return statuses.length > wanted ? story : undefined
}

async function tryResponse(s: Scene, one: DocumentCase): Promise<string | undefined> {
  const { messages, error } = told(one)
  const upstream = s.upstream()
  upstream.forget()
  upstream.script(async connection => {
    await connection.send(one.input)
    if (one.settings.has('half_close')) connection.end()
  })
  const client = await s.connect('with-')
  await client.send(`${one.settings.get('method') ?? 'GET'} / HTTP/1.1\r\nhost: a\r\n\r\n`)
  const response = messages.find(message => message.kind === 'response')
  const isWhole = response?.isComplete === true || error !== undefined
  const answer = isWhole ? await client.response().catch(() => undefined) : undefined
  await Promise.race([
    client.closed(300).catch(() => undefined),
    new Promise(resolve => setTimeout(resolve, isWhole ? 0 : 100)),
  ])
  const status = (answer?.startLine ?? client.received.toString('latin1')).split(' ')[1] ?? ''
  const story = `wanted ${response?.fields.get(':status')} ${error ?? ''}; got ${status} ${client.state}`
  for (const connection of upstream.connections) connection.destroy()
  client.destroy()
  if (response === undefined) return error === undefined || /^50[23]$/.test(status) ? undefined : story
  if (response.fields.get(':status') !== status) return story
  if (!response.isComplete) return undefined
  const body = answer?.body.toString('latin1') ?? ''
  if (answer?.headers.has('transfer-encoding') || one.settings.get('method') === 'HEAD') return undefined
  return body === response.body
    ? undefined
    : `${story}; body ${JSON.stringify(body)} instead of ${JSON.stringify(response.body)}`
}

async function all(
  s: Scene,
  prefix: 'request' | 'response',
  run: (one: DocumentCase) => Promise<string | undefined> | undefined,
): Promise<void> {
  let [count, left] = [0, 0]
  for (const one of documentCases(prefix)) {
    const isStricter = /stricter/i.test(one.title)
    const result = isStricter && target.name === 'envoy' ? undefined : run(one)
    if (result === undefined) {
      left++
      continue
    }
    count++
    const wrong = await result
    if (wrong !== undefined) s.note(`${one.place} ${one.title}: ${wrong}`)
  }
  s.note(count > left * 4 ? 'the others as written' : `only ${count} of ${count + left} were tried`)
}

feature(
  'codec documents through a proxy',
  {
    file: import.meta.url,
    listeners: Object.entries(listeners).map(([name, hcm]) => http(`with-${name.replaceAll(' ', '-')}`, { hcm })),
  },
  f => {
    f.scenario('requests', { sees: 'the others as written' }, s =>
      all(s, 'request', one => {
        const listener = listenerOf(one)
        return listener === undefined ? undefined : tryRequest(s, one, listener)
      }),
    )
    f.scenario('responses', { sees: 'the others as written' }, s =>
      all(s, 'response', one =>
        [...one.settings.keys()].every(name => name === 'half_close' || name === 'method') &&
        one.settings.get('method') !== 'CONNECT'
          ? tryResponse(s, one)
          : undefined,
      ),
    )
  },
)
