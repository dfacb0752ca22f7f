import { type DescMessage, fromBinary } from '@bufbuild/protobuf'
import type { ConfigSource } from '../../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { Runtime } from '../../generated/protos/envoy/service/runtime/v3/rtds_pb.js'
import { compileRuntimeResource, reasonOf } from '../../plan/compile-resource.js'
import type { DiscoveredLayer } from '../../plan/dynamic-settings.js'
import type { Types } from '../../config/index.js'
import { ownName } from '../../xds/wire.js'
import { isUrn } from '../../xds/xdstp.js'
import type { DiscoveryClient, Resource, Subscription, SubscriptionEvent, Update } from '../../xds/types.js'

export interface RuntimeLayersOptions {
  readonly layers: readonly DiscoveredLayer[]
  readonly client: DiscoveryClient
  readonly types: Types
  readonly messageOf: (resource: Resource) => unknown
  /** Resolves when they are in force. */
  readonly onValues: (values: ReadonlyMap<string, ReadonlyMap<string, string>>) => Promise<void>
  readonly onEvent: (event: SubscriptionEvent) => void
}

/** RTDS: the layers of the runtime that management servers fill. */
export class RuntimeLayers {
  readonly #options: RuntimeLayersOptions
  /** By layer. */
  readonly #values = new Map<string, ReadonlyMap<string, string>>()
  readonly #subscriptions: Subscription[] = []

  constructor(options: RuntimeLayersOptions) {
    this.#options = options
  }

  /** Resolves when every layer has come, or will not. */
  async start(): Promise<void> {
    await Promise.all(this.#options.layers.map(layer => this.#subscribe(layer)))
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.close()
  }

  #subscribe({ layer, source, name }: DiscoveredLayer): Promise<void> {
    const { client, types, onEvent } = this.#options
    const schema = types.message('envoy.config.core.v3.ConfigSource') as DescMessage
    return new Promise(resolve => {
      const subscription = client.subscribe({
        type: 'runtime',
        source: fromBinary(schema, source.bytes) as ConfigSource,
        names: new Set([name]),
        watcher: {
          onUpdate: async update => {
            const refused = await this.#take(layer, name, update)
            resolve()
            return refused
          },
          onFailure: reason => {
            if (reason !== 'connection') resolve()
          },
        },
        onEvent,
      })
      this.#subscriptions.push(subscription)
    })
  }

  async #take(layer: string, name: string, { added, removed }: Update): Promise<string | undefined> {
    const resource = added.find(one => one.name === name && !one.isAbsent)
    if (resource === undefined) {
      if (!removed.includes(name)) return undefined
      this.#values.delete(layer)
    } else {
      const own = ownName(resource)
      if (own !== name && !isUrn(name)) return `Unexpected RTDS runtime (expecting ${name}): ${own}`
      const compiled = compileRuntimeResource(this.#options.messageOf(resource) as Runtime)
      // The first thing that is wrong, as in Envoy.
      if (!compiled.ok) return reasonOf(compiled.error.slice(0, 1))
      this.#values.set(layer, compiled.value)
    }
    await this.#options.onValues(this.#values)
    return undefined
  }
}
