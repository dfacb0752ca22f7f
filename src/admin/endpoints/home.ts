import { type Endpoint, html, type Parameter, text } from '../endpoint.js'
import { escapeHtml, htmlPage } from '../html.js'

/** `/` and `/help`, which show all endpoints. `all` is asked when a page is made, so it may hold these two. */
export function homePages(all: () => readonly Endpoint[]): readonly Endpoint[] {
  return [
    {
      path: '/',
      help: 'this list as a page',
      answer: () => ({ status: 200, contentType: html, body: homePage(all()) }),
    },
    {
      path: '/help',
      help: 'this list as text',
      answer: () => text(`admin commands are:\n${commandList(all())}`),
    },
  ]
}

/** Every endpoint with its parameters, in order of path. */
export function commandList(all: readonly Endpoint[]): string {
  return inOrder(all)
    .map(({ path, isPost, help, parameters = [] }) => {
      const lines = parameters.map(one => `      ${one.name}: ${describe(one)}\n`)
      return `  ${path}${isPost ? ' (POST)' : ''}: ${help}\n${lines.join('')}`
    })
    .join('')
}

function inOrder(all: readonly Endpoint[]): Endpoint[] {
  return [...all].sort((a, b) => (a.path < b.path ? -1 : 1))
}

function describe(parameter: Parameter): string {
  return parameter.choices ? `${parameter.help}; One of (${parameter.choices.join(', ')})` : parameter.help
}

function homePage(all: readonly Endpoint[]): string {
  const [start, end] = htmlPage('Nuncio Admin')
  const rows = inOrder(all)
    .filter(({ path }) => path !== '/')
    .map((endpoint, i) => `<tbody${i % 2 === 1 ? ' class="shaded"' : ''}>\n${endpointRows(endpoint)}</tbody>\n`)
  return `${start}<table>\n<thead><tr><th>Command</th><th>Description</th></tr></thead>\n${rows.join('')}</table>\n${end}`
}

function endpointRows({ path, isPost, help, parameters = [] }: Endpoint): string {
  const id = path.slice(1)
  const name = escapeHtml(id)
  const button = `<form action="${name}" method="${isPost ? 'post' : 'get'}" id="${name}"><button>${name}</button></form>`
  const link = `<a href="${name}">${name}</a>`
  const command = isPost || parameters.length > 0 ? button : link
  const inputs = parameters.map(
    one => `<tr><td class="parameter">${input(id, one)}</td><td>${escapeHtml(one.help)}</td></tr>\n`,
  )
  return `<tr><td>${command}</td><td>${escapeHtml(help)}</td></tr>\n${inputs.join('')}`
}

function input(form: string, parameter: Parameter): string {
  const attributes = `name="${escapeHtml(parameter.name)}" form="${escapeHtml(form)}"`
  if (parameter.isFlag) return `<input type="checkbox" ${attributes}>`
  if (!parameter.choices) return `<input type="text" ${attributes}>`
  const options = parameter.choices.map(
    choice => `<option value="${escapeHtml(choice)}">${escapeHtml(choice)}</option>`,
  )
  return `<select ${attributes}>${options.join('')}</select>`
}
