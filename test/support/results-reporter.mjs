// A node:test reporter: one JSON line per test on the results file, failures and node's own closing lines on stdout.
import { appendFileSync, writeFileSync } from 'node:fs'

const resultsFile = process.env.NUNCIO_TEST_RESULTS

/** @param {AsyncIterable<{type: string, data: any}>} source */
export default async function* report(source) {
  if (resultsFile) writeFileSync(resultsFile, '')
  const failed = []
  const names = []
  for await (const { type, data } of source) {
    if (type === 'test:start') names.splice(data.nesting, Number.POSITIVE_INFINITY, data.name)
    if (type === 'test:pass' || type === 'test:fail') {
      const isSuite = data.details?.type === 'suite'
      const isFile = data.nesting === 0 && String(data.name).endsWith('.js')
      const full = [...names.slice(0, data.nesting), data.name].join(' > ')
      const error = type === 'test:fail' ? (data.details?.error?.cause ?? data.details?.error) : undefined
      const outcome = data.skip !== undefined && data.skip !== false ? 'skip' : type === 'test:pass' ? 'pass' : 'fail'
      if (!isSuite && !isFile && resultsFile) {
        appendFileSync(
          resultsFile,
          `${JSON.stringify({ name: full, file: data.file, outcome, error: error && String(error.message ?? error) })}\n`,
        )
      }
      const ownFailure = isSuite || isFile ? data.details?.error?.failureType !== 'subtestsFailed' : true
      if (type === 'test:fail' && ownFailure) {
        failed.push(`${full}`)
        yield `✖ ${full}\n${indent(String(error?.message ?? error))}\n`
      }
    }
    if (type === 'test:stderr' || type === 'test:stdout') yield data.message
    if (type === 'test:diagnostic' && data.nesting === 0) yield `ℹ ${data.message}\n`
  }
  if (failed.length > 0) yield `\nfailed:\n${failed.map(name => `  ${name}\n`).join('')}`
}

function indent(text) {
  return text
    .split('\n')
    .map(line => `    ${line}`)
    .join('\n')
}
