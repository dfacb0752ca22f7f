import type { ApiConfigSource, ConfigSource } from '../generated/protos/envoy/config/core/v3/config_source_pb.js'
import { ApiConfigSource_ApiType } from '../generated/protos/envoy/config/core/v3/config_source_pb.js'
import { systemClock } from '../support/clock.js'
import { BackOff } from './back-off.js'
import { Channels } from './channels.js'
import { dialectOf, fetchTimeoutMs, grpcServiceOf, retryBounds } from './source-settings.js'
import { DeltaMux } from './delta.js'
import { FileSubscription, type PathSource } from './file.js'
import { aggregatedMethod, methodOf } from './methods.js'
import type { Mux, MuxOptions } from './mux.js'
import { withNodeContext } from './node-context.js'
import { RateLimit } from './rate-limit.js'
import { RestSubscription } from './rest.js'
import { SotwMux } from './state-of-the-world.js'
import { ManagedStream } from './stream.js'
import { GrpcSubscription, type GrpcSubscriptionOptions, namesOf } from './subscription.js'
import type {
  ControlPlaneEvent,
  DiscoveryClient,
  DiscoveryClientOptions,
  ResourceType,
  SubscribeOptions,
  Subscription,
} from './types.js'
import { Wire } from './wire.js'
import { isUrn, parseUrn } from './xdstp.js'

/** One asker for all dynamic configuration of a process. */
export function makeDiscoveryClient(options: DiscoveryClientOptions): DiscoveryClient {
  return new Client(options)
}

/** A shared stream for xdstp names of some authorities. */
interface Authority {
  readonly source: ConfigSource
  readonly names: ReadonlySet<string>
  readonly mux: Mux
}

/** What is asked of nobody is never answered. */
const nobody: Mux = {
  isDelta: false,
  watch: () => ({ setNames: () => undefined, requestOnDemand: () => undefined, close: () => undefined }),
  start: () => undefined,
  pause: () => () => undefined,
  close: () => undefined,
}

type Needed = 'clock' | 'random' | 'check' | 'rejectUnknownFields' | 'onSharedStream'

class Client implements DiscoveryClient {
  readonly #options: DiscoveryClientOptions & Required<Pick<DiscoveryClientOptions, Needed>>
  readonly #wire: Wire
  readonly #channels: Channels
  readonly #ads: Mux | undefined
  readonly #authorities: readonly Authority[]
  readonly #defaultAuthority: Authority | undefined
  readonly #subscriptions = new Set<Subscription>()
  readonly #onClosed = (subscription: Subscription): void => void this.#subscriptions.delete(subscription)
  #lastOptions: GrpcSubscriptionOptions | undefined

  constructor(options: DiscoveryClientOptions) {
    this.#options = {
      clock: systemClock,
      random: Math.random,
      check: () => undefined,
      rejectUnknownFields: false,
      onSharedStream: () => undefined,
      ...options,
    }
    this.#wire = new Wire(options.types)
    this.#channels = new Channels(options)
    const { adsConfig, configSources = [], defaultConfigSource } = options
    this.#ads = adsConfig && this.#sharedMux(adsConfig)
    this.#authorities = configSources.flatMap(source => this.#authority(source) ?? [])
    this.#defaultAuthority = defaultConfigSource && this.#authority(defaultConfigSource)
  }

  start(): void {
    for (const mux of this.#shared()) mux.start()
  }

  subscribe(options: SubscribeOptions): Subscription {
    const { node, nodeContextParams = [] } = this.#options
    const { collection } = options
    const asked =
      collection === undefined
        ? options
        : { ...options, collection: withNodeContext(collection, node, nodeContextParams) }
    const subscription = this.#subscribe(asked)
    this.#subscriptions.add(subscription)
    // It says itself when it ends.
    if (subscription instanceof GrpcSubscription) return subscription
    return {
      setNames: names => subscription.setNames(names),
      requestOnDemand: names => subscription.requestOnDemand(names),
      close: () => {
        this.#subscriptions.delete(subscription)
        subscription.close()
      },
    }
  }

  pause(types: readonly ResourceType[]): () => void {
    const resumes = this.#shared().map(mux => mux.pause(types))
    return () => {
      for (const resume of resumes) resume()
    }
  }

  close(): void {
    // The streams first: nobody is told of what each subscription no longer wants.
    for (const mux of this.#shared()) mux.close()
    for (const subscription of this.#subscriptions) subscription.close()
    this.#subscriptions.clear()
  }

  #shared(): Mux[] {
    const others = [...this.#authorities, ...(this.#defaultAuthority ? [this.#defaultAuthority] : [])]
    return [...(this.#ads ? [this.#ads] : []), ...others.map(({ mux }) => mux)]
  }

  #subscribe(asked: SubscribeOptions): Subscription {
    const authority = this.#authorityOf(asked)
    if (authority) return this.#overShared(asked, authority.mux, authority.source)
    const { source } = asked
    const { configSourceSpecifier: specifier } = source
    switch (specifier.case) {
      case 'ads':
        return this.#overShared(asked, this.#ads, source)
      case 'apiConfigSource':
        return this.#overApi(asked, specifier.value)
      case 'path':
        return this.#overFile(asked, { path: specifier.value })
      case 'pathConfigSource':
        return this.#overFile(asked, specifier.value)
      default:
        throw new Error(`a subscription to a config source of kind ${specifier.case}`)
    }
  }

  /** Who answers for xdstp names, when they have an authority in the bootstrap. */
  #authorityOf(asked: SubscribeOptions): Authority | undefined {
    const [name] = namesOf(asked)
    const isAsked = this.#options.asksAuthorities === true && asked.collection === undefined
    if (!isAsked || name === undefined || !isUrn(name)) return undefined
    const wanted = parseUrn(name)?.authority
    return this.#authorities.find(({ names }) => wanted !== undefined && names.has(wanted)) ?? this.#defaultAuthority
  }

  #authority(source: ConfigSource): Authority | undefined {
    const { configSourceSpecifier: specifier } = source
    if (specifier.case !== 'apiConfigSource') return undefined
    const names = new Set(source.authorities.map(({ name }) => name))
    return { source, names, mux: this.#sharedMux(specifier.value) }
  }

  #sharedMux(api: ApiConfigSource): Mux {
    return this.#makeMux(api, aggregatedMethod(dialectOf(api)), event => this.#options.onSharedStream(event))
  }

  #overShared(asked: SubscribeOptions, mux: Mux | undefined, source: ConfigSource): Subscription {
    return this.#grpcSubscription(asked, mux ?? nobody, source, false)
  }

  #overApi(asked: SubscribeOptions, api: ApiConfigSource): Subscription {
    const { type, source } = asked
    if (api.apiType === ApiConfigSource_ApiType.REST) {
      return new RestSubscription(asked, api, {
        ...this.#fileOptions(),
        node: this.#options.node,
        random: this.#options.random,
        reach: this.#options.reach,
        fetchTimeoutMs: fetchTimeoutMs(source),
      })
    }
    const isAggregated = api.apiType >= ApiConfigSource_ApiType.AGGREGATED_GRPC
    if (isAggregated) return this.#overShared(asked, this.#ads, source)
    const method = methodOf(type, dialectOf(api))
    if (method === undefined) throw new Error(`no gRPC method for ${type}`)
    return this.#grpcSubscription(
      asked,
      this.#makeMux(api, method, event => asked.onEvent(event)),
      source,
      true,
    )
  }

  #grpcSubscription(asked: SubscribeOptions, mux: Mux, source: ConfigSource, ownsMux: boolean): Subscription {
    return new GrpcSubscription(asked, this.#grpcOptions(mux, fetchTimeoutMs(source), ownsMux))
  }

  /** The same object as the last time for those who ask in the same way. */
  #grpcOptions(mux: Mux, timeoutMs: number, ownsMux: boolean): GrpcSubscriptionOptions {
    const last = this.#lastOptions
    if (last?.mux === mux && last.fetchTimeoutMs === timeoutMs && last.ownsMux === ownsMux) return last
    const { clock, log } = this.#options
    this.#lastOptions = { mux, clock, log, fetchTimeoutMs: timeoutMs, ownsMux, onClosed: this.#onClosed }
    return this.#lastOptions
  }

  #overFile(asked: SubscribeOptions, path: PathSource): Subscription {
    return new FileSubscription(asked, path, this.#fileOptions())
  }

  #fileOptions(): ConstructorParameters<typeof FileSubscription>[2] {
    const { types, clock, log, rejectUnknownFields, check } = this.#options
    return { types, wire: this.#wire, clock, log, rejectUnknownFields, check }
  }

  #makeMux(api: ApiConfigSource, method: string, onEvent: (event: ControlPlaneEvent) => void): Mux {
    const { clock, random, log, node, check } = this.#options
    const transport = this.#channels.transport(grpcServiceOf(api))
    const { baseMs, maxMs } = retryBounds(api)
    const options: MuxOptions = {
      wire: this.#wire,
      node,
      isNodeSentOnce: api.setNodeOnFirstMessageOnly,
      clock,
      log,
      check,
      onEvent,
      beforeSend: this.#options.beforeSend ?? (() => undefined),
      openStream: callbacks =>
        new ManagedStream({
          transport,
          method,
          clock,
          log,
          backOff: new BackOff(baseMs, maxMs, random),
          rateLimit: api.rateLimitSettings && new RateLimit(api.rateLimitSettings, clock),
          onEvent,
          callbacks,
        }),
    }
    return dialectOf(api) === 'delta' ? new DeltaMux(options) : new SotwMux(options)
  }
}
