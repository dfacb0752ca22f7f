import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http'
import { type DescMessage, toJson } from '@bufbuild/protobuf'
import { FieldPath } from '../config/field-path.js'
import { type Tree, TreeDecoder } from '../config/decode.js'
import { parseJson } from '../config/json.js'
import type { Node } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type { ApiConfigSource } from '../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { DiscoveryResponse } from '../generated/protos/envoy/service/discovery/v3/discovery_pb.js'
import { err, ok, type Result } from '../support/result.js'
import { clusterHeader } from './channels.js'
import { refreshDelayMs, requestTimeoutMs } from './source-settings.js'
import { type FileOptions, unwrapAll } from './file.js'
import { restPathOf } from './methods.js'
import { sorted } from './mux.js'
import { FirstAnswer, namesOf } from './subscription.js'
import { type ClusterAddress, resourceTypes, type SubscribeOptions, type Subscription } from './types.js'

export interface RestOptions extends FileOptions {
  readonly node: Node
  readonly fetchTimeoutMs: number
  readonly random: () => number
  readonly reach: (cluster: string) => ClusterAddress
}

const area = 'envoy.service.discovery.v3'
const notModified = 304
const good = 200
const mostAnswerBytes = 256 * 1024 * 1024

interface HttpAnswer {
  readonly status: number
  readonly body: string
}

/** Asks by HTTP again and again, with JSON, after a delay of between one and two times refresh_delay. */
export class RestSubscription implements Subscription {
  readonly #asked: SubscribeOptions
  readonly #api: ApiConfigSource
  readonly #options: RestOptions
  readonly #first: FirstAnswer
  #names: ReadonlySet<string>
  #version = ''
  #request: ClientRequest | undefined
  #cancelTimer: (() => void) | undefined
  #isClosed = false

  constructor(asked: SubscribeOptions, api: ApiConfigSource, options: RestOptions) {
    this.#asked = asked
    this.#api = api
    this.#options = options
    this.#names = namesOf(asked)
    this.#first = new FirstAnswer(options.clock, options.fetchTimeoutMs, () => {
      asked.onEvent({ kind: 'init_fetch_timeout' })
      options.log.warning(`REST config: initial fetch timeout for ${this.#path}`)
      asked.watcher.onFailure('timeout', '')
    })
    void this.#refresh()
  }

  /** Asked for from the next time on. */
  setNames(names: ReadonlySet<string> | undefined): void {
    this.#names = names ?? new Set()
  }

  requestOnDemand(): void {}

  close(): void {
    this.#isClosed = true
    this.#first.came()
    this.#cancelTimer?.()
    this.#request?.destroy()
  }

  get #path(): string {
    return restPathOf(this.#asked.type) ?? ''
  }

  async #refresh(): Promise<void> {
    this.#asked.onEvent({ kind: 'update_attempt' })
    const answer = await this.#ask()
    if (this.#isClosed) return
    if (!answer.ok || (answer.value.status !== good && answer.value.status !== notModified)) {
      this.#options.log.warning(`REST update for ${this.#path} failed`)
      this.#asked.onEvent({ kind: 'update_failure' })
      this.#asked.watcher.onFailure('connection', answer.ok ? `status ${answer.value.status}` : answer.error)
    } else if (answer.value.status === good) await this.#take(answer.value.body)
    if (this.#isClosed) return
    const delay = refreshDelayMs(this.#api)
    const ms = delay + Math.floor(this.#options.random() * delay)
    this.#cancelTimer = this.#options.clock.after(ms, () => void this.#refresh())
  }

  async #take(body: string): Promise<void> {
    const { type, watcher } = this.#asked
    this.#first.came()
    const start = performance.now()
    const wrong = await this.#deliver(body)
    if (this.#isClosed) return
    if (wrong === undefined) {
      const durationMs = Math.floor(performance.now() - start)
      return this.#asked.onEvent({ kind: 'update_success', version: this.#version, at: Date.now(), durationMs })
    }
    this.#options.log.warning(`REST config for ${this.#path} rejected: ${wrong}`)
    this.#asked.onEvent({ kind: 'update_rejected', detail: wrong })
    watcher.onFailure('rejected', `${resourceTypes[type]}: ${wrong}`)
  }

  async #deliver(body: string): Promise<string | undefined> {
    const response = this.#decode(body)
    if (!response.ok) return response.error
    const { resources, versionInfo, controlPlane } = response.value
    const unwrapped = unwrapAll(this.#asked.type, resources, versionInfo, this.#options)
    if (!unwrapped.ok) return unwrapped.error
    const wrong = await this.#asked.watcher.onUpdate({
      version: versionInfo,
      added: unwrapped.value,
      removed: [],
      isFullState: this.#names.size === 0,
      controlPlane: controlPlane?.identifier ?? '',
    })
    if (wrong === undefined) this.#version = versionInfo
    return wrong
  }

  #decode(body: string): Result<DiscoveryResponse, string> {
    const { types, rejectUnknownFields } = this.#options
    const tree = parseJson(body)
    if (!tree.ok) return err(`Unable to parse JSON as proto (${tree.error.message})`)
    const decoder = new TreeDecoder(types, !rejectUnknownFields)
    const schema = types.message(`${area}.DiscoveryResponse`) as DescMessage
    const message = decoder.message(schema, tree.value as Tree, FieldPath.root)
    const problem = decoder.problems.find(({ severity }) => severity === 'error')
    if (problem || message === undefined)
      return err(`Unable to parse JSON as proto (${problem ? `${problem.path.toString()}: ${problem.message}` : body})`)
    return ok(message as DiscoveryResponse)
  }

  #ask(): Promise<Result<HttpAnswer, string>> {
    const [cluster = ''] = this.#api.clusterNames
    const address = this.#options.reach(cluster)
    const body = Buffer.from(this.#body())
    return new Promise(resolve => {
      const request = httpRequest({
        ...('path' in address ? { socketPath: address.path } : { host: address.host, port: address.port }),
        path: this.#path,
        method: 'POST',
        agent: false,
        headers: {
          host: cluster,
          'content-type': 'application/json',
          'content-length': body.length,
          [clusterHeader]: cluster,
        },
      })
      this.#request = request
      const cancel = this.#options.clock.after(requestTimeoutMs(this.#api), () => request.destroy(new Error('timeout')))
      const finish = (result: Result<HttpAnswer, string>): void => {
        cancel()
        resolve(result)
      }
      request.on('error', error => finish(err(error.message)))
      request.on('close', () => finish(err('closed')))
      request.on('response', response => collect(response, finish))
      request.end(body)
    })
  }

  #body(): string {
    const { types, node } = this.#options
    const schema = types.message(`${area}.DiscoveryRequest`) as DescMessage
    const request = types.create(`${area}.DiscoveryRequest`, {
      versionInfo: this.#version,
      node,
      resourceNames: sorted(this.#names),
      typeUrl: resourceTypes[this.#asked.type],
    })
    return JSON.stringify(toJson(schema, request, { registry: types.registry, useProtoFieldName: true }))
  }
}

function collect(response: IncomingMessage, finish: (result: Result<HttpAnswer, string>) => void): void {
  const chunks: Buffer[] = []
  let size = 0
  response.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > mostAnswerBytes) response.destroy(new Error(`an answer of more than ${mostAnswerBytes} bytes`))
    else chunks.push(chunk)
  })
  response.on('error', error => finish(err(error.message)))
  response.on('end', () => finish(ok({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() })))
}
