// x-forwarded-client-cert: every mode and every detail; and what a request says of TLS besides.
import { get } from '../support/bytes.js'
import { Certificate, writeFiles } from '../support/certificates.js'
import { http, serverTls } from '../support/config.js'
import type { ClientTls } from '../support/raw-client.js'
import { feature, type Scene } from '../support/scenario.js'

const ca = Certificate.authority({ serial: 'caca' })
const server = ca.issue({
  subject: 'CN=server',
  sans: ['DNS:a.example', 'URI:spiffe://a/server', 'URI:spiffe://a/again'],
})
const certificates = {
  client: ca.issue({
    subject: 'CN=client,O=Nuncio "quoted"; and more',
    sans: ['URI:spiffe://a/client', 'URI:spiffe://a/b?c=1', 'DNS:client.example', 'DNS:other.example'],
  }),
  plain: ca.issue({ subject: 'CN=plain' }),
  nameless: ca.issue({ subject: '' }),
}
type Who = keyof typeof certificates | 'none'

/** As Envoy writes PEM into the header. */
const encoded = (text: string): string => encodeURIComponent(text)

const values = async (tmp: string) => {
  writeFiles(tmp, { server, 'ca.pem': ca.pem })
  const { client, plain, nameless } = certificates
  return {
    clientHash: client.fingerprint,
    plainHash: plain.fingerprint,
    namelessHash: nameless.fingerprint,
    clientPem: encoded(client.pem),
    plainPem: encoded(plain.pem),
    namelessPem: encoded(nameless.pem),
  }
}
const tls = serverTls(
  'server',
  '{validation_context: {trusted_ca: {filename: "${tmp}/ca.pem"}}}',
  'require_client_certificate: false',
)
const listener = (name: string, hcm: string, chain = tls) => http(name, { chain, hcm: `{access_log: [], ${hcm}}` })
const all = 'set_current_client_cert_details: {subject: true, cert: true, chain: true, dns: true, uri: true}'

async function asks(s: Scene, who: Who, to: string, header: string): Promise<void> {
  const own: ClientTls = who === 'none' ? {} : { cert: certificates[who].chain, key: certificates[who].key }
  const client = who === 'none' && to === 'clear' ? await s.connect(to) : await s.connectTls(own, to)
  await client.send(get('/', ...(header === '' ? [] : [`x-forwarded-client-cert: ${header}`])))
  await client.response()
  const request = await s.upstream().nextRequest()
  const told = request.head.split('\r\n').filter(line => /^x-forwarded-(client-cert|proto):/i.test(line))
  s.note(`${who}${header === '' ? '' : ' forwarding'}:`)
  for (const line of told.sort()) s.note(`  ${line}`)
  s.upstream().forget()
  client.destroy()
}

const each =
  (to: string, ...who: readonly Who[]) =>
  async (s: Scene): Promise<void> => {
    for (const one of who) for (const header of ['', 'By=before;Hash=1']) await asks(s, one, to, header)
  }

feature(
  'x-forwarded-client-cert',
  {
    file: import.meta.url,
    listeners: [
      listener('sanitize', all),
      listener('forward', `forward_client_cert_details: FORWARD_ONLY, ${all}`),
      listener('append', `forward_client_cert_details: APPEND_FORWARD, ${all}`),
      listener('set', `forward_client_cert_details: SANITIZE_SET, ${all}`),
      listener('always', `forward_client_cert_details: ALWAYS_FORWARD_ONLY, ${all}`),
      listener('bare', 'forward_client_cert_details: SANITIZE_SET'),
      listener(
        'subject',
        'forward_client_cert_details: SANITIZE_SET, set_current_client_cert_details: {subject: true}',
      ),
      listener(
        'names',
        'forward_client_cert_details: SANITIZE_SET, set_current_client_cert_details: {dns: true, uri: true}',
      ),
      listener('clear', `forward_client_cert_details: APPEND_FORWARD, ${all}`, ''),
    ],
    values,
  },
  f => {
    f.scenario(
      'taken out',
      {
        sees: `
      client:
        x-forwarded-proto: https
      client forwarding:
        x-forwarded-proto: https
      none:
        x-forwarded-proto: https
      none forwarding:
        x-forwarded-proto: https
    `,
      },
      each('sanitize', 'client', 'none'),
    )
    f.scenario(
      'passed on from those with a certificate',
      {
        sees: `
      client:
        x-forwarded-proto: https
      client forwarding:
        x-forwarded-client-cert: By=before;Hash=1
        x-forwarded-proto: https
      none:
        x-forwarded-proto: https
      none forwarding:
        x-forwarded-proto: https
    `,
      },
      each('forward', 'client', 'none'),
    )
    f.scenario(
      'appended',
      {
        sees: `
      client:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$clientHash;Cert="$clientPem";Chain="$clientPem";Subject="O=Nuncio \\"quoted\\"\\; and more,CN=client";URI=spiffe://a/client;URI=spiffe://a/b?c=1;DNS=client.example;DNS=other.example
        x-forwarded-proto: https
      client forwarding:
        x-forwarded-client-cert: By=before;Hash=1,By=spiffe://a/server;By=spiffe://a/again;Hash=$clientHash;Cert="$clientPem";Chain="$clientPem";Subject="O=Nuncio \\"quoted\\"\\; and more,CN=client";URI=spiffe://a/client;URI=spiffe://a/b?c=1;DNS=client.example;DNS=other.example
        x-forwarded-proto: https
      plain:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$plainHash;Cert="$plainPem";Chain="$plainPem";Subject="CN=plain";URI=
        x-forwarded-proto: https
      plain forwarding:
        x-forwarded-client-cert: By=before;Hash=1,By=spiffe://a/server;By=spiffe://a/again;Hash=$plainHash;Cert="$plainPem";Chain="$plainPem";Subject="CN=plain";URI=
        x-forwarded-proto: https
      nameless:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$namelessHash;Cert="$namelessPem";Chain="$namelessPem";Subject="";URI=
        x-forwarded-proto: https
      nameless forwarding:
        x-forwarded-client-cert: By=before;Hash=1,By=spiffe://a/server;By=spiffe://a/again;Hash=$namelessHash;Cert="$namelessPem";Chain="$namelessPem";Subject="";URI=
        x-forwarded-proto: https
      none:
        x-forwarded-proto: https
      none forwarding:
        x-forwarded-proto: https
    `,
      },
      each('append', 'client', 'plain', 'nameless', 'none'),
    )
    f.scenario(
      'replaced',
      {
        sees: `
      client:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$clientHash;Cert="$clientPem";Chain="$clientPem";Subject="O=Nuncio \\"quoted\\"\\; and more,CN=client";URI=spiffe://a/client;URI=spiffe://a/b?c=1;DNS=client.example;DNS=other.example
        x-forwarded-proto: https
      client forwarding:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$clientHash;Cert="$clientPem";Chain="$clientPem";Subject="O=Nuncio \\"quoted\\"\\; and more,CN=client";URI=spiffe://a/client;URI=spiffe://a/b?c=1;DNS=client.example;DNS=other.example
        x-forwarded-proto: https
      plain:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$plainHash;Cert="$plainPem";Chain="$plainPem";Subject="CN=plain";URI=
        x-forwarded-proto: https
      plain forwarding:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$plainHash;Cert="$plainPem";Chain="$plainPem";Subject="CN=plain";URI=
        x-forwarded-proto: https
      nameless:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$namelessHash;Cert="$namelessPem";Chain="$namelessPem";Subject="";URI=
        x-forwarded-proto: https
      nameless forwarding:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$namelessHash;Cert="$namelessPem";Chain="$namelessPem";Subject="";URI=
        x-forwarded-proto: https
      none:
        x-forwarded-proto: https
      none forwarding:
        x-forwarded-proto: https
    `,
      },
      each('set', 'client', 'plain', 'nameless', 'none'),
    )
    f.scenario(
      'always passed on',
      {
        sees: `
      client:
        x-forwarded-proto: https
      client forwarding:
        x-forwarded-client-cert: By=before;Hash=1
        x-forwarded-proto: https
      none:
        x-forwarded-proto: https
      none forwarding:
        x-forwarded-client-cert: By=before;Hash=1
        x-forwarded-proto: https
    `,
      },
      each('always', 'client', 'none'),
    )
    f.scenario(
      'without details',
      {
        sees: `
      client:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$clientHash
        x-forwarded-proto: https
      client forwarding:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$clientHash
        x-forwarded-proto: https
      none:
        x-forwarded-proto: https
      none forwarding:
        x-forwarded-proto: https
    `,
      },
      each('bare', 'client', 'none'),
    )
    f.scenario(
      'the subject alone',
      {
        sees: `
      client:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$clientHash;Subject="O=Nuncio \\"quoted\\"\\; and more,CN=client"
        x-forwarded-proto: https
      client forwarding:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$clientHash;Subject="O=Nuncio \\"quoted\\"\\; and more,CN=client"
        x-forwarded-proto: https
      nameless:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$namelessHash;Subject=""
        x-forwarded-proto: https
      nameless forwarding:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$namelessHash;Subject=""
        x-forwarded-proto: https
    `,
      },
      each('subject', 'client', 'nameless'),
    )
    f.scenario(
      'names alone',
      {
        sees: `
      client:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$clientHash;URI=spiffe://a/client;URI=spiffe://a/b?c=1;DNS=client.example;DNS=other.example
        x-forwarded-proto: https
      client forwarding:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$clientHash;URI=spiffe://a/client;URI=spiffe://a/b?c=1;DNS=client.example;DNS=other.example
        x-forwarded-proto: https
      plain:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$plainHash;URI=
        x-forwarded-proto: https
      plain forwarding:
        x-forwarded-client-cert: By=spiffe://a/server;By=spiffe://a/again;Hash=$plainHash;URI=
        x-forwarded-proto: https
    `,
      },
      each('names', 'client', 'plain'),
    )
    f.scenario(
      'over clear text',
      {
        sees: `
      none:
        x-forwarded-proto: http
      none forwarding:
        x-forwarded-proto: http
    `,
      },
      each('clear', 'none'),
    )
  },
)
