import type { Node } from '../generated/protos/envoy/config/core/v3/base_pb.js'

/** commit/version/status/type/TLS library, as Envoy prints its version. */
export function versionText(node: Node | undefined): string {
  const build = node?.userAgentVersionType
  if (build?.case !== 'userAgentBuildVersion') return ''
  const { version, metadata = {} } = build.value
  const { majorNumber = 0, minorNumber = 0, patch = 0 } = version ?? {}
  const of = (name: string): string => String(metadata[name] ?? '')
  const number = `${majorNumber}.${minorNumber}.${patch}`
  return [of('revision.sha'), number, of('revision.status'), of('build.type'), of('ssl.version')].join('/')
}
