// Fragments of TLS configuration for tests with whole programs as clients: inline certificates, no file to keep.
import { stringify } from 'yaml'
import { Certificate } from './certificates.js'

const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3'

/** One authority and one leaf for the loopback address, of which all who take part are shown the authority. */
export class Identity {
  readonly authority: Certificate = Certificate.authority({ subject: 'CN=Test Authority' })
  readonly leaf: Certificate = this.authority.issue({
    subject: 'CN=localhost',
    sans: ['DNS:localhost', 'DNS:test.example', 'IP:127.0.0.1'],
  })
}

/** `transport_socket` of a filter chain, to be put into `filter_chains` by `overTls`. */
export function downstreamTls(identity: Identity, alpn: readonly string[]): Record<string, unknown> {
  return {
    name: 'tls',
    typed_config: {
      '@type': `${TLS}.DownstreamTlsContext`,
      common_tls_context: {
        alpn_protocols: alpn,
        tls_certificates: [
          {
            certificate_chain: { inline_string: identity.leaf.chain },
            private_key: { inline_string: identity.leaf.key },
          },
        ],
      },
    },
  }
}

/** A listener of the kit, with TLS on its one filter chain. */
export function overTls(
  listener: Record<string, unknown>,
  identity: Identity,
  alpn: readonly string[] = ['h2', 'http/1.1'],
): Record<string, unknown> {
  const chains = listener.filter_chains as Record<string, unknown>[]
  return {
    ...listener,
    filter_chains: chains.map(chain => ({ ...chain, transport_socket: downstreamTls(identity, alpn) })),
  }
}

/** `transport_socket` of a cluster, as a YAML fragment for its `more`: trusts the authority alone. */
export function upstreamTls(identity: Identity, alpn: readonly string[] = ['h2']): string {
  return stringify({
    transport_socket: {
      name: 'tls',
      typed_config: {
        '@type': `${TLS}.UpstreamTlsContext`,
        sni: 'test.example',
        common_tls_context: {
          alpn_protocols: alpn,
          validation_context: { trusted_ca: { inline_string: identity.authority.pem } },
        },
      },
    },
  })
}
