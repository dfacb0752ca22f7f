// Sessions that are resumed, by ticket and by number; OCSP responses that are stapled; key logs; and what curl and openssl say.
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { get } from '../support/bytes.js'
import { Certificate, writeFiles } from '../support/certificates.js'
import { http, serverTls } from '../support/config.js'
import type { ClientTls } from '../support/raw-client.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

const ca = Certificate.authority()
const server = ca.issue({ subject: 'CN=server', sans: ['DNS:a.example'] })
const staple = ca.ocsp(server)
const stale = ca.ocsp(server, { from: -9, until: -2 })

const listener = (name: string, common = '', more = '', certificate = '') => {
  const socket = serverTls('server', `{${common}}`, more)
  return http(name, {
    routes: '[{match: {prefix: /}, direct_response: {status: 200}}]',
    hcm: 'access_log: []',
    listener: `stat_prefix: ${name}`,
    chain:
      certificate === '' ? socket : socket.replace(/(private_key:\s+filename: \S+)/, `$1\n          ${certificate}`),
  })
}
const values = async (tmp: string): Promise<Record<string, string>> => {
  writeFiles(tmp, {
    server,
    'ca.pem': ca.pem,
    staple,
    stale,
    keys: Buffer.alloc(80, 7),
    more: Buffer.alloc(80, 9),
  })
  return {}
}
const keys = 'session_ticket_keys: {keys: [{filename: "${tmp}/keys"}]}'

/** Connects, lets the session come, and connects again with it: to the same listener, or another. */
async function again(s: Scene, to: string, options: ClientTls, then = to): Promise<void> {
  const first = await s.connectTls(options, to)
  let session: Buffer | undefined = first.tls.getSession()
  first.tls.on('session', fresh => {
    session = fresh
  })
  await first.send(get('/'))
  await first.response()
  first.destroy()
  const second = await s.connectTls({ ...options, ...(session && { session }) }, then)
  await second.send(get('/'))
  await second.response()
  s.note(`${second.tls.getProtocol()} ${second.tls.isSessionReused() ? 'resumed' : 'in full'}`)
  second.destroy()
}
const old: ClientTls = { maxVersion: 'TLSv1.2' }

feature(
  'resumption',
  {
    file: import.meta.url,
    listeners: [
      listener('main'),
      listener('numbered', '', 'disable_stateless_session_resumption: true'),
      listener('ticketed', '', 'disable_stateful_session_resumption: true'),
      listener('never', '', '{disable_stateless_session_resumption: true, disable_stateful_session_resumption: true}'),
      listener('keyed', '', keys),
      listener('alike', '', keys),
      listener('rotated', '', 'session_ticket_keys: {keys: [{filename: "${tmp}/more"}, {filename: "${tmp}/keys"}]}'),
      listener('other', '', 'session_ticket_keys: {keys: [{filename: "${tmp}/more"}]}'),
    ],
    clusters: [],
    values,
  },
  f => {
    const both = async (s: Scene, to: string, then = to): Promise<void> => {
      await again(s, to, {}, then)
      await again(s, to, old, then)
    }
    const stats = /^listener\.main\.ssl\.(handshake|session_reused)/
    f.scenario(
      'by tickets of our own keys',
      {
        sees: `
      TLSv1.3 resumed
      TLSv1.2 resumed
      stat: listener.main.ssl.handshake +4
      stat: listener.main.ssl.session_reused +2
    `,
      },
      s => s.statsOf(stats, () => both(s, 'main')),
    )
    f.scenario(
      'without tickets',
      {
        sees: `
      TLSv1.3 in full
      TLSv1.2 resumed
    `,
      },
      s => both(s, 'numbered'),
    )
    f.scenario(
      'without numbers',
      {
        sees: `
      TLSv1.3 resumed
      TLSv1.2 resumed
    `,
      },
      s => both(s, 'ticketed'),
    )
    f.scenario(
      'not at all',
      {
        sees: `
      TLSv1.3 in full
      TLSv1.2 in full
    `,
      },
      s => both(s, 'never'),
    )
    f.scenario(
      'by tickets of given keys',
      {
        sees: `
      TLSv1.3 resumed
      TLSv1.2 resumed
    `,
      },
      s => both(s, 'keyed'),
    )
    f.scenario(
      'at a listener with the same keys',
      {
        sees: `
      TLSv1.3 resumed
      TLSv1.2 resumed
    `,
      },
      s => both(s, 'keyed', 'alike'),
    )
    f.scenario(
      'with a key that only decrypts',
      {
        sees: `
      TLSv1.3 resumed
      TLSv1.2 resumed
    `,
      },
      s => both(s, 'keyed', 'rotated'),
    )
    f.scenario(
      'at a listener with other keys',
      {
        sees: `
      TLSv1.3 in full
      TLSv1.2 in full
    `,
      },
      s => both(s, 'keyed', 'other'),
    )
  },
)

feature(
  'stapling',
  {
    file: import.meta.url,
    listeners: [
      listener('none'),
      listener('good', '', '', 'ocsp_staple: {filename: "${tmp}/staple"}'),
      listener('lenient', '', '', 'ocsp_staple: {filename: "${tmp}/stale"}'),
      listener('strict', '', 'ocsp_staple_policy: STRICT_STAPLING', 'ocsp_staple: {filename: "${tmp}/stale"}'),
      listener('must', '', 'ocsp_staple_policy: MUST_STAPLE', 'ocsp_staple: {filename: "${tmp}/stale"}'),
    ],
    clusters: [],
    values,
  },
  f => {
    const asks = async (s: Scene, to: string, wants = true): Promise<void> => {
      await s.statsOf(/^listener\.\w+\.ssl\.(ocsp|handshake|connection)/, async () => {
        try {
          const client = await s.connectTls({ requestOCSP: wants }, to)
          await client.send(get('/'))
          const answer = await client.response().catch(() => undefined)
          s.note(`${to}: ${answer?.startLine ?? client.problem}`)
          client.destroy()
        } catch (error) {
          s.note(`${to}: ${(error as NodeJS.ErrnoException).code}`)
        }
      })
    }
    f.scenario(
      'no response',
      {
        sees: `
      none: HTTP/1.1 200 OK
      stat: listener.none.ssl.handshake +1
      stat: listener.none.ssl.ocsp_staple_omitted +1
      stat: listener.none.ssl.ocsp_staple_requests +1
    `,
      },
      s => asks(s, 'none'),
    )
    f.scenario(
      'a good one',
      {
        sees: `
      good: HTTP/1.1 200 OK
      stat: listener.good.ssl.handshake +1
      stat: listener.good.ssl.ocsp_staple_requests +1
      stat: listener.good.ssl.ocsp_staple_responses +1
    `,
      },
      s => asks(s, 'good'),
    )
    f.scenario(
      'nobody asks',
      {
        sees: `
      good: HTTP/1.1 200 OK
      stat: listener.good.ssl.handshake +1
    `,
      },
      s => asks(s, 'good', false),
    )
    f.scenario(
      'a stale one, leniently',
      {
        sees: `
      lenient: HTTP/1.1 200 OK
      stat: listener.lenient.ssl.handshake +1
      stat: listener.lenient.ssl.ocsp_staple_omitted +1
      stat: listener.lenient.ssl.ocsp_staple_requests +1
    `,
      },
      s => asks(s, 'lenient'),
    )
    f.scenario(
      'a stale one, strictly',
      {
        sees: `
      strict: ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE
      stat: listener.strict.ssl.connection_error +1
      stat: listener.strict.ssl.ocsp_staple_failed +1
      stat: listener.strict.ssl.ocsp_staple_requests +1
    `,
      },
      s => asks(s, 'strict'),
    )
    f.scenario(
      'a stale one where there must be one',
      {
        sees: `
      must: ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE
      stat: listener.must.ssl.connection_error +1
      stat: listener.must.ssl.ocsp_staple_failed +1
      stat: listener.must.ssl.ocsp_staple_requests +1
    `,
      },
      s => asks(s, 'must'),
    )
  },
)

feature(
  'key log',
  {
    file: import.meta.url,
    listeners: [
      listener('main', 'key_log: {path: "${tmp}/keylog"}'),
      listener(
        'elsewhere',
        'key_log: {path: "${tmp}/elsewhere", remote_address_range: [{address_prefix: 10.0.0.0, prefix_len: 8}]}',
      ),
    ],
    clusters: [],
    values,
  },
  f => {
    f.scenario(
      'of the clients it is for',
      {
        sees: `
      CLIENT_HANDSHAKE_TRAFFIC_SECRET KEY KEY
      CLIENT_TRAFFIC_SECRET_0 KEY KEY
      EXPORTER_SECRET KEY KEY
      SERVER_HANDSHAKE_TRAFFIC_SECRET KEY KEY
      SERVER_TRAFFIC_SECRET_0 KEY KEY
      elsewhere: 0
    `,
      },
      async s => {
        for (const to of ['main', 'elsewhere']) {
          const client = await s.connectTls({}, to)
          await client.send(get('/'))
          await client.response()
          client.destroy()
        }
        const read = (name: string): string[] => {
          const file = path.join(s.folder, name)
          return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
        }
        const lines = await poll('the keys', () => (read('keylog').length >= 5 ? read('keylog') : undefined))
        for (const line of lines.sort()) s.note(line.replace(/[0-9a-f]{32,}/g, 'KEY'))
        s.note(`elsewhere: ${read('elsewhere').length}`)
      },
    )
  },
)

const has = (program: string, flag: string): boolean => spawnSync(program, [flag]).status === 0
const run = promisify(execFile)
const out = async (program: string, ...args: readonly string[]): Promise<string> => {
  const { stdout, stderr } = await run(program, args).catch((error: { stdout: string; stderr: string }) => error)
  return stdout + stderr
}

feature(
  'tools',
  {
    file: import.meta.url,
    listeners: [listener('main', '', '', 'ocsp_staple: {filename: "${tmp}/staple"}')],
    clusters: [],
    values,
  },
  f => {
    if (has('curl', '--version'))
      f.scenario(
        'curl',
        {
          sees: `
        200 0
        not trusted
        200 0
      `,
        },
        async s => {
          const port = s.proxy.port('main')
          const url = [
            '--resolve',
            `a.example:${port}:127.0.0.1`,
            '-s',
            '-o',
            '/dev/null',
            '-w',
            '%{http_code} %{ssl_verify_result} %{errormsg}',
            `https://a.example:${port}/`,
          ]
          s.note(await out('curl', '--cacert', path.join(s.folder, 'ca.pem'), ...url))
          s.note((await out('curl', ...url)).startsWith('000 ') ? 'not trusted' : 'trusted')
          s.note(await out('curl', '--cacert', path.join(s.folder, 'ca.pem'), '--tls-max', '1.2', ...url))
        },
      )
    if (has('openssl', 'version'))
      f.scenario(
        'openssl s_client',
        {
          sees: `
        -status: OCSP Response Status: successful (0x0) | New, TLSv1.3 | Verify return code: 0 (ok) | HTTP/1.1 200 OK
        -sess_in: Reused, TLSv1.3 | Verify return code: 0 (ok) | HTTP/1.1 200 OK
        -tls1_2: OCSP Response Status: successful (0x0) | New, TLSv1.2 | Verify return code: 0 (ok) | HTTP/1.1 200 OK
        -tls1_1: New, (NONE) | Verify return code: 0 (ok)
      `,
        },
        async s => {
          const session = path.join(s.folder, 'session')
          const client = (...more: readonly string[]): Promise<string> =>
            out(
              'sh',
              '-c',
              `printf 'GET / HTTP/1.1\\r\\nhost: a\\r\\nconnection: close\\r\\n\\r\\n' | openssl s_client -connect 127.0.0.1:${s.proxy.port('main')} -servername a.example -CAfile ${s.folder}/ca.pem -ign_eof "$@" 2>&1`,
              'sh',
              ...more,
            )
          const wanted = /^(New|Reused), |Verify return code|OCSP Response Status|^HTTP\//
          for (const args of [
            ['-status', '-sess_out', session],
            ['-sess_in', session],
            ['-tls1_2', '-status'],
            ['-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0'],
          ]) {
            const text = await client(...args)
            const lines = text.split('\n').filter(line => wanted.test(line.trim()))
            s.note(
              `${args[0]}: ${[...new Set(lines.map(line => line.trim().replace(/, Cipher is .*/, '')))].join(' | ')}`,
            )
          }
        },
      )
  },
)
