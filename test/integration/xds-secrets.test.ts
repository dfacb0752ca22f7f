// Secrets in files of discovery: subscriptions with statistics of their own, followed when the file is replaced.
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { connect } from 'node:tls'
import { Certificate } from '../support/certificates.js'
import { feature } from '../support/scenario.js'
import { poll } from '../support/wait.js'
import { listener, manager, says, table, XdsScene } from '../support/xds-scene.js'

const authority = Certificate.authority()

/** A response with one secret. */
function response(version: string, name: string): string {
  const certificate = authority.issue({ sans: [`DNS:${version}.test`] })
  const secret = {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
    name,
    tls_certificate: {
      certificate_chain: { inline_string: certificate.pem },
      private_key: { inline_string: certificate.key },
    },
  }
  return JSON.stringify({ version_info: version, resources: [secret] })
}

const secure = (sds: Record<string, unknown>) =>
  listener(
    'main',
    {},
    {
      filter_chains: [
        {
          filters: [{ name: 'http', typed_config: manager({ route_config: table('i', says('secure')) }) }],
          transport_socket: {
            name: 'tls',
            typed_config: {
              '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
              common_tls_context: {
                tls_certificate_sds_secret_configs: [
                  { name: 'own', sds_config: { path_config_source: sds, resource_api_version: 'V3' } },
                ],
              },
            },
          },
        },
      ],
    },
  )

/** Names in the certificate that a listener shows. */
function namesAt(port: number): Promise<string> {
  return new Promise(resolve => {
    const client = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(client.getPeerCertificate().subjectaltname ?? 'nameless')
      client.destroy()
    })
    client.on('error', () => resolve('no handshake'))
  })
}

const shows = (port: number, wanted: string): Promise<true> =>
  poll(`the certificate ${wanted}`, async () => (await namesAt(port)) === wanted || undefined)

const names = [
  'update_attempt',
  'update_success',
  'update_rejected',
  'update_failure',
  'key_rotation_failed',
  'version_text',
]

feature('secrets in files', { file: import.meta.url, withoutProxy: true }, f => {
  const start = async (
    folder: string,
    sds: Record<string, unknown>,
    isStatic: boolean,
    act: (x: XdsScene, port: number) => Promise<void>,
  ): Promise<void> =>
    XdsScene.run(
      {
        ...(isStatic && { listeners: [toStatic(secure(sds))], hasLds: false }),
        hasCds: false,
        prepare: plane => void (isStatic || plane.update('listener', { main: secure(sds) })),
        more: { node: { id: folder.length.toString(), cluster: 'tests' } },
      },
      x => act(x, x.proxy.port('main')),
    )

  for (const isStatic of [true, false]) {
    f.scenario(
      `replaced by rename, and a bad one changes nothing: ${isStatic ? 'of a static listener' : 'of a discovered one'}`,
      {
        sees: `
          DNS:v1.test
          DNS:v2.test
          update_attempt: 2
          update_success: 2
          update_rejected: 0
          update_failure: 0
          key_rotation_failed: 0
          version_text: "v2"
          sds.own.update_rejected: 1
          DNS:v2.test
          DNS:v3.test
          own v3`,
      },
      async s => {
        mkdirSync(s.folder, { recursive: true })
        const file = path.join(s.folder, 'sds.json')
        const put = (text: string): void => {
          writeFileSync(`${file}.new`, text)
          renameSync(`${file}.new`, file)
        }
        put(response('v1', 'own'))
        await start(s.folder, { path: file }, isStatic, async (x, port) => {
          await shows(port, 'DNS:v1.test')
          s.note('DNS:v1.test')
          put(response('v2', 'own'))
          await shows(port, 'DNS:v2.test')
          s.note('DNS:v2.test')
          await x.statBecomes('sds.own.update_success', 2)
          s.note((await x.stats(...names.map(name => `sds.own.${name}`))).replaceAll('sds.own.', ''))
          put(response('v3', 'other'))
          await x.statBecomes('sds.own.update_rejected', 1)
          s.note('sds.own.update_rejected: 1')
          s.note(await namesAt(port))
          put(response('v3', 'own'))
          await shows(port, 'DNS:v3.test')
          s.note('DNS:v3.test')
          s.note(await secretsOf(x))
        })
      },
    )
  }

  f.scenario(
    'in a folder that is swapped by a symbolic link, which is watched',
    { sees: 'DNS:v1.test, then DNS:v2.test' },
    async s => {
      const make = (version: string): void => {
        const folder = path.join(s.folder, version)
        mkdirSync(folder, { recursive: true })
        writeFileSync(path.join(folder, 'sds.json'), response(version, 'own'))
        symlinkSync(version, path.join(s.folder, '..data_new'))
        renameSync(path.join(s.folder, '..data_new'), path.join(s.folder, '..data'))
      }
      make('v1')
      const sds = { path: path.join(s.folder, '..data/sds.json'), watched_directory: { path: s.folder } }
      await start(s.folder, sds, true, async (_, port) => {
        await shows(port, 'DNS:v1.test')
        make('v2')
        await shows(port, 'DNS:v2.test')
        s.note('DNS:v1.test, then DNS:v2.test')
      })
    },
  )
})

/** Of a bootstrap, which has no "@type". */
function toStatic(resource: unknown): unknown {
  const { '@type': _, ...rest } = resource as Record<string, unknown>
  return rest
}

/** Secrets of /config_dump with their versions. */
async function secretsOf(x: XdsScene): Promise<string> {
  const { body } = await x.proxy.admin('/config_dump?resource=dynamic_active_secrets')
  const { configs = [] } = JSON.parse(body) as { configs?: { name: string; version_info?: string }[] }
  return configs.map(({ name, version_info: version }) => `${name} ${version ?? '-'}`).join(', ')
}
