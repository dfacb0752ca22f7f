import { isLogComponent, type LogComponent, logComponents, type LogLevel, logLevels } from '../../support/log-level.js'
import { err, ok, type Result } from '../../support/result.js'
import type { AdminBackend } from '../backend.js'
import { type Endpoint, text } from '../endpoint.js'

export const logging: Endpoint = {
  path: '/logging',
  help: 'show or change log levels',
  isPost: true,
  parameters: [
    { name: 'paths', help: 'levels of several loggers: <name>:<level>,<name>:<level>...' },
    { name: 'group', help: 'level of a group of loggers: <name>:<level>' },
    { name: 'level', help: 'level of all loggers', choices: ['', ...logLevels] },
  ],
  answer: ({ query }, backend) => {
    const outcome = change([...query], backend)
    if (outcome.ok) return text(`active loggers:\n${activeLoggers(backend)}\n`)
    return text(`error: ${outcome.error}\n\n${usage}active loggers:\n${activeLoggers(backend)}\n`, 400)
  },
}

const usage = `usage: /logging?<name>=<level> (change single level)
usage: /logging?paths=name1:level1,name2:level2,... (change multiple levels)
usage: /logging?level=<level> (change all levels)
usage: /logging?group=<group_name>:<level> (change group of loggers)
levels: ${logLevels.join(' ')} 
`

function activeLoggers({ log }: AdminBackend): string {
  return logComponents.map(name => `  ${name}: ${log.levelOf(name)}\n`).join('')
}

function change(query: readonly (readonly [string, string])[], { log }: AdminBackend): Result<void, string> {
  if (query.length > 1) return err('invalid number of parameters')
  const [name, value] = query[0] ?? ['', '']
  if (value === '') return ok()
  if (name === 'group') return err('group parameter requires fine-grain logging to be enabled')
  if (name === 'level') {
    const level = logLevels.find(known => known === value)
    if (!level) return err('unknown logger level')
    log.setLevel(level)
    return ok()
  }
  const wanted = name === 'paths' ? value.split(',').map(item => item.split(':')) : [[name, value]]
  const changes: [LogComponent, LogLevel][] = []
  for (const [component = '', levelName = ''] of wanted) {
    if (component === '' || levelName === '') return err('empty logger name or empty logger level')
    const level = logLevels.find(known => known === levelName)
    if (!level) return err('unknown logger level')
    if (!isLogComponent(component)) return err('unknown logger name')
    changes.push([component, level])
  }
  for (const [component, level] of changes) log.setLevel(level, component)
  return ok()
}
