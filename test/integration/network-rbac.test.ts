// The network RBAC filter: connections that may go on, and how the others end.
import { fileLog } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const type = (name: string): string => `type.googleapis.com/envoy.extensions.filters.network.${name}`
const any = { any: true }
const policies = (name: string, principal: object, permission: object = any): object => ({
  [name]: { permissions: [permission], principals: [principal] },
})
const range = { address_prefix: '127.0.0.0', prefix_len: 8 }
const format =
  '%CONNECTION_TERMINATION_DETAILS% %DYNAMIC_METADATA(envoy.filters.network.rbac)% %DOWNSTREAM_LOCAL_CLOSE_REASON%\n'

const guarded = (name: string, settings: object): Record<string, unknown> => ({
  name,
  address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
  access_log: [fileLog(`\${tmp}/${name}.log`, format)],
  filter_chains: [
    {
      filters: [
        { name: 'rbac', typed_config: { '@type': type('rbac.v3.RBAC'), stat_prefix: name, ...settings } },
        { name: 'echo', typed_config: { '@type': type('echo.v3.Echo') } },
      ],
    },
  ],
})

/** A client that waits before its first byte, and then says two things. */
async function talk(scene: Scene, listener: string): Promise<void> {
  const client = await scene.connect(listener)
  await scene.statsOf(/rbac/, async () => {
    await client.send('one ')
    await Promise.race([client.until('one '), client.closed()])
    if (client.state !== 'open') return
    await client.send('two')
    await client.until('two')
  })
  client.end()
  await client.closed()
  scene.sawAll(client)
  await scene.sawLog(1, listener)
}

feature(
  'connections',
  {
    file: import.meta.url,
    listeners: [
      guarded('denied', { rules: { action: 'DENY', policies: policies('my policy', { direct_remote_ip: range }) } }),
      guarded('allowed', {
        rules: { action: 'ALLOW', policies: policies('p', { source_ip: range }) },
        shadow_rules: { action: 'DENY', policies: policies('s', any) },
        shadow_rules_stat_prefix: 'sh_',
      }),
      guarded('none', { rules: { action: 'ALLOW', policies: {} } }),
      guarded('log', { rules: { action: 'LOG', policies: policies('l', any) } }),
      guarded('all', {
        enforcement_type: 'CONTINUOUS',
        rules: {
          action: 'ALLOW',
          policies: policies('p', { not_id: { remote_ip: { address_prefix: '10.0.0.0', prefix_len: 8 } } }),
        },
      }),
      guarded('late', { delay_deny: '0.1s', rules: { action: 'ALLOW', policies: {} } }),
      guarded('name', {
        rules: { action: 'ALLOW', policies: policies('p', any, { requested_server_name: { exact: 'a.test' } }) },
      }),
      guarded('empty', {}),
    ],
    clusters: [],
  },
  f => {
    f.scenario(
      'denied by a policy',
      {
        sees: `
          stat: denied.rbac.denied +1
          < client
          (closed)
          log: rbac_access_denied_matched_policy[my_policy] - rbac_deny_close
        `,
      },
      scene => talk(scene, 'denied'),
    )
    f.scenario(
      'allowed, and told what else would be',
      {
        sees: `
          stat: allowed.rbac.allowed +1
          stat: allowed.rbac.sh_.shadow_denied +1
          < client
          one two
          (closed)
          log: - {"sh_shadow_effective_policy_id":"s","sh_shadow_engine_result":"denied"} -
        `,
      },
      scene => talk(scene, 'allowed'),
    )
    f.scenario(
      'allowed by no policy',
      {
        sees: `
          stat: none.rbac.denied +1
          < client
          (closed)
          log: rbac_access_denied_matched_policy[none] - rbac_deny_close
        `,
      },
      scene => talk(scene, 'none'),
    )
    f.scenario(
      'logged',
      {
        sees: `
          stat: log.rbac.allowed +1
          < client
          one two
          (closed)
          log: - - -
        `,
      },
      scene => talk(scene, 'log'),
    )
    f.scenario(
      'judged with every piece',
      {
        sees: `
          stat: all.rbac.allowed +2
          < client
          one two
          (closed)
          log: - - -
        `,
      },
      scene => talk(scene, 'all'),
    )
    f.scenario(
      'denied after a while',
      {
        sees: `
          stat: late.rbac.denied +1
          < client
          (closed)
          log: rbac_access_denied_matched_policy[none] - rbac_deny_close
        `,
      },
      scene => talk(scene, 'late'),
    )
    f.scenario(
      'a server name that was not asked for',
      {
        sees: `
          stat: name.rbac.denied +1
          < client
          (closed)
          log: rbac_access_denied_matched_policy[none] - rbac_deny_close
        `,
      },
      scene => talk(scene, 'name'),
    )
    f.scenario(
      'without rules',
      {
        sees: `
          stat: none changed
          < client
          one two
          (closed)
          log: - - -
        `,
      },
      scene => talk(scene, 'empty'),
    )
  },
)
