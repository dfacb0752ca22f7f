import { type ResourceType, resourceTypes } from './types.js'

/** Full method names of a type's own discovery service; undefined where Envoy has none of that kind. */
interface TypeMethods {
  readonly stateOfTheWorld?: string
  readonly delta?: string
  /** Path of the REST request. */
  readonly rest?: string
}

const methods: Readonly<Record<ResourceType, TypeMethods>> = {
  cluster: service('cluster', 'ClusterDiscoveryService', 'Clusters', 'clusters'),
  endpoint: service('endpoint', 'EndpointDiscoveryService', 'Endpoints', 'endpoints'),
  listener: service('listener', 'ListenerDiscoveryService', 'Listeners', 'listeners'),
  route: service('route', 'RouteDiscoveryService', 'Routes', 'routes'),
  'scoped-route': service('route', 'ScopedRoutesDiscoveryService', 'ScopedRoutes', 'scoped-routes'),
  secret: service('secret', 'SecretDiscoveryService', 'Secrets', 'secrets'),
  runtime: service('runtime', 'RuntimeDiscoveryService', 'Runtime', 'runtime'),
  'extension-config': service('extension', 'ExtensionConfigDiscoveryService', 'ExtensionConfigs', 'extension_configs'),
  'virtual-host': { delta: '/envoy.service.route.v3.VirtualHostDiscoveryService/DeltaVirtualHosts' },
  'locality-endpoints': {
    delta: '/envoy.service.endpoint.v3.LocalityEndpointDiscoveryService/DeltaLocalityEndpoints',
  },
}

function service(area: string, name: string, what: string, path: string): TypeMethods {
  const full = `/envoy.service.${area}.v3.${name}`
  return { stateOfTheWorld: `${full}/Stream${what}`, delta: `${full}/Delta${what}`, rest: `/v3/discovery:${path}` }
}

export type Dialect = 'stateOfTheWorld' | 'delta'

const aggregated: Readonly<Record<Dialect, string>> = {
  stateOfTheWorld: '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
  delta: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
}

/** The method of the stream that all types share. */
export const aggregatedMethod = (dialect: Dialect): string => aggregated[dialect]

export const methodOf = (type: ResourceType, dialect: Dialect): string | undefined => methods[type][dialect]

export const restPathOf = (type: ResourceType): string | undefined => methods[type].rest

const typesByUrl: ReadonlyMap<string, ResourceType> = new Map(
  (Object.keys(resourceTypes) as ResourceType[]).map(type => [resourceTypes[type], type]),
)

export const typeOfUrl = (url: string): ResourceType | undefined => typesByUrl.get(url)
