/** What the default export of a module in TypeScript may be. */
import type { AccessLoggerModule } from './access-logger.js'
import type { HttpFilterModule } from './http-filter.js'
import type { ListenerFilterModule } from './listener-filter.js'
import type { NetworkFilterModule } from './network-filter.js'
import type { TracerModule } from './tracer.js'

export type ScriptModule =
  | HttpFilterModule
  | NetworkFilterModule
  | ListenerFilterModule
  | AccessLoggerModule
  | TracerModule
export type ScriptKind = ScriptModule['kind']
