import { type DescMessage, fromBinary } from '@bufbuild/protobuf'
import type { ConfigSource } from '../../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { Runtime } from '../../generated/protos/envoy/service/runtime/v3/rtds_pb.js'
import { compileRuntimeResource, reasonOf } from '../../plan/compile-resource.js'
import type { DiscoveredLayer } from '../../plan/dynamic-settings.js'
import type { Types } from '../../config/index.js'
import type { DiscoveryClient, Resource, Subscription, SubscriptionEvent, Update } from '../../xds/types.js'

export interface RuntimeLayersOptions {
  readonly layers: readonly DiscoveredLayer[]
  readonly client: DiscoveryClient
  readonly types: Types
  readonly messageOf: (resource: Resource) => unknown
  readonly onValues: (values: ReadonlyMap<string, ReadonlyMap<string, string>>) => void
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
            const refused = this.#take(layer, name, update)
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

  #take(layer: string, name: string, { added, removed }: Update): string | undefined {
    const resource = added.find(one => one.name === name && !one.isAbsent)
    if (resource === undefined) {
      if (!removed.includes(name)) return undefined
      this.#values.delete(layer)
    } else {
      const compiled = compileRuntimeResource(this.#options.messageOf(resource) as Runtime)
      if (!compiled.ok) return reasonOf(compiled.error)
      this.#values.set(layer, compiled.value)
    }
    this.#options.onValues(this.#values)
    return undefined
  }
}
