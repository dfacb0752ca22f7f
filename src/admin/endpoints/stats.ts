import { parseStatsQuery, type StatsQuery } from '../../stats/query.js'
import type { AdminBackend } from '../backend.js'
import { type AdminResponse, type Endpoint, html, type Parameter, plainText, text } from '../endpoint.js'
import { escapeHtml, htmlPage } from '../html.js'

const filters: readonly Parameter[] = [
  { name: 'usedonly', help: 'only what was written since the start', isFlag: true },
  { name: 'filter', help: 'only names that this regular expression matches' },
  { name: 'invert_filter', help: 'only names that the filter does not match', isFlag: true },
]

export const stats: Endpoint = {
  path: '/stats',
  help: 'statistics',
  parameters: [
    ...filters,
    { name: 'format', help: 'output format', choices: ['html', 'active-html', 'text', 'json'] },
    { name: 'type', help: 'kinds to print', choices: ['All', 'Counters', 'Histograms', 'Gauges', 'TextReadouts'] },
    {
      name: 'histogram_buckets',
      help: 'how histograms are printed',
      choices: ['cumulative', 'disjoint', 'detailed', 'summary'],
    },
  ],
  answer: ({ query }, backend) => {
    const parsed = parseStatsQuery(query)
    if (!parsed.ok) return text(parsed.error, 400)
    backend.flushStatsOnAdmin?.()
    return answer(parsed.value, backend)
  },
}

export const statsPrometheus: Endpoint = {
  path: '/stats/prometheus',
  help: 'statistics for Prometheus',
  parameters: [
    ...filters.slice(0, 1),
    { name: 'text_readouts', help: 'text readouts too, as gauges of value 0 with the text as a label', isFlag: true },
    ...filters.slice(1),
    { name: 'histogram_buckets', help: 'how histograms are printed', choices: ['cumulative', 'summary'] },
  ],
  answer: ({ query }, backend) => {
    const parsed = parseStatsQuery(query)
    if (!parsed.ok) return text(parsed.error, 400)
    backend.flushStatsOnAdmin?.()
    return answer({ ...parsed.value, format: 'prometheus' }, backend)
  },
}

function answer(query: StatsQuery, { report }: AdminBackend): AdminResponse {
  switch (query.format) {
    case 'text':
      return text(report.text(query))
    case 'json':
      return { status: 200, contentType: 'application/json', body: report.json(query) }
    case 'prometheus':
      if (query.buckets === 'disjoint' || query.buckets === 'detailed') {
        return text('unsupported prometheus histogram bucket mode', 400)
      }
      return { status: 200, contentType: plainText, body: report.prometheus(query) }
    case 'html':
    case 'active-html':
      return { status: 200, contentType: html, body: asPage(report.text(query)) }
  }
}

function* asPage(lines: Iterable<string>): Generator<string> {
  const [start, end] = htmlPage('Statistics')
  yield `${start}<pre>\n`
  for (const line of lines) yield escapeHtml(line)
  yield `</pre>\n${end}`
}
