import { defineHttpFilter } from '../../../../api/http-filter.js'
import type { Headers } from '../../../../api/headers.js'
import type { HeldBack, LocalReply, RequestHead, ResponseHead, Stream } from '../../../../api/stream.js'
import { settingsOf } from '../../../../api/typescript-filter.js'
import { JsonError } from './json-text.js'
import { type Api, readApi, resolvePath, type Route } from './methods.js'
import { type Binding, queryBindings } from './path-template.js'
import { type BoundField, type RequestTranscoder, requestTranscoder } from './request.js'
import { ResponseTranscoder } from './response.js'
import type { Settings } from './settings.js'
import { grpcStatusIn, httpStatusOf, printStatus } from './status.js'

const failure = 'grpc_json_transcode_failure'
const early = `early_${failure}`
const tooLarge = "the transcoder's internal buffer size exceeds the configured limit."

/** One configuration, ready to be used: the filter's own, or a route's. */
interface Configured {
  readonly settings: Settings
  readonly api: Api
}

/** A request that is being transcoded. */
interface Transcoding {
  readonly use: Configured
  readonly request: RequestTranscoder
  readonly response: ResponseTranscoder
  readonly isHttpBody: boolean
  head: ResponseHead | undefined
  hasBody: boolean
  output: Uint8Array
}

interface State {
  now: Transcoding | undefined
}
type OwnStream = Stream<State, Settings>

export default defineHttpFilter({
  name: 'envoy.filters.http.grpc_json_transcoder',
  config: settingsOf<Settings>(),
  routeConfig: settingsOf<Settings>(),
  state: (): State => ({ now: undefined }),
  create(settings) {
    const own = configure(settings)
    const ofRoutes = new WeakMap<Settings, Configured | undefined>()
    const configured = (stream: OwnStream): Configured | undefined => {
      const route = stream.routeConfig
      if (route === undefined) return own
      if (!ofRoutes.has(route)) ofRoutes.set(route, configure(route))
      return ofRoutes.get(route)
    }
    return {
      onRequestHeaders(request, stream: OwnStream) {
        const use = configured(stream)
        return use && startRequest(request, stream, use)
      },
      onRequestData(chunk, stream: OwnStream) {
        return stream.state.now && transcodeRequest(stream.state.now, chunk, stream)
      },
      onRequestTrailers(_trailers, stream: OwnStream) {
        const { now } = stream.state
        return now && finishRequest(now, stream, failure)
      },
      onResponseHeaders(response, stream: OwnStream) {
        return stream.state.now && startResponse(stream.state.now, response, stream)
      },
      onResponseData(chunk, stream: OwnStream) {
        return stream.state.now && transcodeResponse(stream.state.now, chunk, stream)
      },
      onResponseTrailers(trailers, stream: OwnStream) {
        if (stream.state.now) endResponse(stream.state.now, trailers, stream, false)
      },
    }
  },
})

function configure(settings: Settings): Configured | undefined {
  if (settings.services.length === 0) return undefined
  const api = readApi(settings, message => {
    throw new TypeError(message)
  })
  return api && { settings, api }
}

const isGrpc = (type: string | undefined): boolean =>
  type === 'application/grpc' || type?.startsWith('application/grpc+') === true

// ---- request

function startRequest(request: RequestHead, stream: OwnStream, use: Configured): LocalReply | undefined {
  const { settings, api } = use
  const contentType = request.headers.get('content-type')
  if (isGrpc(contentType)) return undefined
  const { path, method: verb } = request
  const question = path.indexOf('?')
  const bare = question < 0 ? path : path.slice(0, question)
  const found = api.matcher.find(verb, bare)
  if (found === undefined)
    return settings.rejects.unknownMethod
      ? stream.reply(404, `Could not resolve ${bare} to a method.`, {}, `${early}{NOT_FOUND}`)
      : undefined
  const query = question < 0 ? '' : path.slice(question + 1)
  const ignored = new Set(settings.ignoredParameters)
  const all = [...found.bindings, ...queryBindings(query, ignored, settings.plusIsSpace)]
  const bindings = resolve(found.target, all, settings.ignoresUnknownParameters)
  if (typeof bindings === 'string')
    return settings.rejects.unknownParameters
      ? stream.reply(400, bindings, {}, `${early}{INVALID_ARGUMENT}`)
      : undefined

  const { method } = found.target
  const { headers } = request
  headers.delete('content-length')
  headers.set('content-type', 'application/grpc')
  headers.set('x-envoy-original-path', path)
  headers.append('x-envoy-original-method', verb)
  headers.set(':path', method.path)
  headers.set(':method', 'POST')
  headers.set('te', 'trailers')
  if (!settings.keepsRoute) stream.refreshRoute()

  const now: Transcoding = {
    use,
    request: requestTranscoder({
      route: found.target,
      bindings,
      reading: { registry: api.registry, enumsInAnyCase: settings.enumsInAnyCase },
      rejectsCollisions: settings.rejects.collisions,
      contentType: contentType ?? '',
    }),
    response: new ResponseTranscoder({ method, registry: api.registry, print: settings.print }),
    isHttpBody: method.responseIsHttpBody,
    head: undefined,
    hasBody: false,
    output: new Uint8Array(),
  }
  stream.state.now = now
  if (!stream.requestBody.isComplete) return undefined
  return finishRequest(now, stream, early)
}

function finishRequest(now: Transcoding, stream: OwnStream, details: string): LocalReply | undefined {
  return orReject(stream, details, () => {
    const rest = now.request.finish()
    if (rest.length > 0) stream.requestBody.append(rest)
    return undefined
  })
}

/** The fields that the values go to, or why there are none. */
function resolve(route: Route, bindings: readonly Binding[], ignoresUnknown: boolean): BoundField[] | string {
  const { desc, bodyIsHttpBody, bodyPath } = route.method
  const bound: BoundField[] = []
  for (const { field, value } of bindings) {
    const { fields, missing } = resolvePath(desc.input, field)
    if (fields === undefined && ignoresUnknown) continue
    if (fields === undefined) return missing ?? ''
    const isInBody = bodyIsHttpBody && bodyPath.every((one, index) => fields[index] === one)
    if (!isInBody) bound.push({ path: fields, value })
  }
  return bound
}

/** What the request's JSON has wrong is a 400. */
function orReject<T>(stream: OwnStream, details: string, act: () => T): T | LocalReply {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    stream.state.now = undefined
    return stream.reply(400, error.message, {}, `${details}{INVALID_ARGUMENT}`)
  }
}

function transcodeRequest(now: Transcoding, chunk: Uint8Array, stream: OwnStream): Uint8Array | LocalReply | HeldBack {
  return orReject(stream, failure, () => {
    const isLast = stream.requestBody.isComplete
    const ready = now.request.push(chunk)
    if (now.request.size > (now.use.settings.maxRequestBytes ?? stream.requestBody.limitBytes)) {
      stream.state.now = undefined
      const text = `Request rejected because ${tooLarge}`
      return stream.reply(413, text, {}, `${failure}{request_buffer_size_limit_reached}`)
    }
    if (isLast) return Buffer.concat([ready, now.request.finish()])
    return ready.length > 0 ? ready : stream.hold()
  })
}

// ---- response

function startResponse(now: Transcoding, response: ResponseHead, stream: OwnStream): HeldBack | undefined {
  const { headers } = response
  const isWhole = stream.responseBody.isComplete
  const isTranscoded = isWhole
    ? headers.has('grpc-status')
    : response.status === 200 && isGrpc(headers.get('content-type'))
  if (!isTranscoded) {
    stream.state.now = undefined
    return undefined
  }
  now.head = response
  const { isStreamed } = now.response
  const isEvents = isStreamed && now.use.settings.print.delimitsBySse
  if (isStreamed || !isWhole) headers.set('content-type', isEvents ? 'text/event-stream' : 'application/json')
  if (isWhole) {
    endResponse(now, headers, stream, true)
    return undefined
  }
  return isStreamed && !now.isHttpBody ? undefined : stream.hold()
}

function transcodeResponse(now: Transcoding, chunk: Uint8Array, stream: OwnStream): Uint8Array | LocalReply | HeldBack {
  now.hasBody = true
  let ready: Uint8Array
  try {
    ready = now.response.push(chunk)
  } catch (error) {
    stream.state.now = undefined
    const text = error instanceof Error ? error.message : 'the answer is no message of its type'
    return stream.reply(502, text, {}, `${failure}{INTERNAL}`)
  }
  const isStreamed = now.response.isStreamed
  if (!isStreamed) now.output = now.output.length === 0 ? ready : Buffer.concat([now.output, ready])
  if (now.isHttpBody && now.response.contentType !== undefined && now.head) {
    now.head.headers.set('content-type', now.response.contentType)
    if (!isStreamed) now.head.headers.set('content-length', String(now.output.length))
  }
  if (now.response.size + now.output.length > (now.use.settings.maxResponseBytes ?? stream.responseBody.limitBytes)) {
    stream.state.now = undefined
    const text = `Response not transcoded because ${tooLarge}`
    return stream.reply(500, text, {}, `${failure}{response_buffer_size_limit_reached}`)
  }
  if (stream.responseBody.isComplete) return isStreamed ? Buffer.concat([ready, now.response.finish()]) : now.output
  return isStreamed && ready.length > 0 ? ready : stream.hold()
}

/** `trailers`: where the status stands; the head itself when there is nothing else (`isHead`). */
function endResponse(now: Transcoding, trailers: Headers, stream: OwnStream, isHead: boolean): void {
  const { head, response, use } = now
  if (head === undefined) return
  const status = grpcStatusIn(trailers)
  const isHttp1 = stream.info.protocol.startsWith('HTTP/1')
  if (status !== undefined && status !== 0 && use.settings.convertsStatus && !now.hasBody) {
    const json = printStatus(status, trailers, use.api.registry, use.settings.print)
    if (json !== undefined) {
      head.status = httpStatusOf(status)
      if (isHead)
        for (const name of ['grpc-status', 'grpc-message', 'grpc-status-details-bin']) head.headers.delete(name)
      if (isHttp1) head.headers.delete('trailer')
      head.headers.set('content-type', 'application/json')
      head.headers.set('content-length', String(Buffer.byteLength(json)))
      stream.responseBody.append(Buffer.from(json))
      return
    }
  }
  const rest = now.isHttpBody ? new Uint8Array() : response.finish()
  const output = response.isStreamed ? rest : now.output
  if (output.length > 0) stream.responseBody.append(output)
  if (response.isStreamed && !isHead) return
  head.status = status === undefined ? 503 : httpStatusOf(status)
  if (!isHead) {
    if (status !== undefined) head.headers.set('grpc-status', String(status))
    const message = trailers.get('grpc-message')
    if (message !== undefined) head.headers.set('grpc-message', message)
  }
  if (isHttp1) head.headers.delete('trailer')
  if (!response.isStreamed) head.headers.set('content-length', String(output.length))
}
