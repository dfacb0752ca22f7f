import type { Place } from '../api/plan-context.js'
import { isMessage, type Types } from '../config/index.js'
import type { CertificateValidationContext } from '../generated/protos/envoy/extensions/transport_sockets/tls/v3/common_pb.js'
import type { SPIFFECertValidatorConfig } from '../generated/protos/envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config_pb.js'
import { type DataSourceDeps, readDataSource } from './data-source.js'
import type { SpiffeDomainInit } from './init.js'
import { readCertificates } from './x509.js'

const typeName = 'envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig'

/** The trust domains of envoy.tls.cert_validator.spiffe; none without it; undefined after an error. */
export function spiffeDomains(
  config: CertificateValidationContext,
  at: Place,
  deps: DataSourceDeps & { readonly types: Types },
): readonly SpiffeDomainInit[] | undefined {
  const any = config.customValidatorConfig?.typedConfig
  if (!any) return []
  const place = at.field('custom_validator_config').field('typed_config')
  const unpacked = deps.types.unpackAny(any)
  if (!unpacked.ok || !isMessage<SPIFFECertValidatorConfig>(unpacked.value.message, typeName)) return [] // the field walk says so
  const { trustDomains, trustBundles } = unpacked.value.message
  if (trustBundles) return bundleMap(trustBundles, place.field('trust_bundles'), deps)
  const inDomains = place.field('trust_domains')
  if (trustDomains.length === 0) {
    inDomains.error("SPIFFE cert validator requires either 'trust_domains' or 'trust_bundles'")
    return undefined
  }
  const domains = trustDomains.map(({ name, trustBundle }, index) => {
    const inDomain = inDomains.item(index)
    const bundle = readDataSource(trustBundle, inDomain.field('trust_bundle'), deps, 'trust bundle')
    return bundle && checkedDomain(name, bundle, inDomain)
  })
  const names = trustDomains.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) inDomains.error(`Multiple trust bundles are given for one trust domain for ${twice}`)
  return twice !== undefined || domains.includes(undefined) ? undefined : domains.flatMap(domain => domain ?? [])
}

function checkedDomain(name: string, bundle: Uint8Array, at: Place): SpiffeDomainInit | undefined {
  const found = readCertificates(Buffer.from(bundle).toString('latin1'))
  if (found.ok) return { name, bundle }
  at.field('trust_bundle').error(`Failed to load trusted CA certificate for ${name}: it ${found.error}`)
  return undefined
}

/** Bundles of several domains in JSON (SPIFFE Trust Domain and Bundle, sections 4 and 6): the x509-svid keys count. */
function bundleMap(
  source: NonNullable<SPIFFECertValidatorConfig['trustBundles']>,
  at: Place,
  deps: DataSourceDeps,
): SpiffeDomainInit[] | undefined {
  const bytes = readDataSource(source, at, deps, 'trust bundle map')
  if (bytes === undefined) return undefined
  const domains = objectOf(objectOf(parsed(bytes))?.trust_domains)
  if (!domains || Object.keys(domains).length === 0) {
    at.error(
      'No trust domains found in SPIFFE bundle',
      'write {"trust_domains": {"DOMAIN": {"keys": [{"use": "x509-svid", "x5c": ["…"]}]}}}',
    )
    return undefined
  }
  const made = Object.entries(domains).map(([name, value]) => {
    const keys = objectOf(value)?.keys
    const pem = (Array.isArray(keys) ? keys : []).flatMap(key => certificateOf(objectOf(key))).join('')
    if (pem !== '') return checkedDomain(name, Buffer.from(pem), at)
    at.error(`No keys found in SPIFFE bundle for domain '${name}'`)
    return undefined
  })
  return made.includes(undefined) ? undefined : made.flatMap(domain => domain ?? [])
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return undefined
  }
}

const objectOf = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null ? { ...value } : undefined

function certificateOf(key: Readonly<Record<string, unknown>> | undefined): string[] {
  if (key?.use !== 'x509-svid' || !Array.isArray(key.x5c) || typeof key.x5c[0] !== 'string') return []
  const lines = key.x5c[0].match(/.{1,64}/g) ?? []
  return [`-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`]
}
