import { readFileSync, statSync } from 'node:fs'
import { isIPv4, isIPv6 } from 'node:net'

/** /etc/hosts, read again when it changed. */
export class HostsFile {
  readonly #path: string
  #seen = ''
  #names = new Map<string, string[]>()

  constructor(path = '/etc/hosts') {
    this.#path = path
  }

  /** Addresses of one family; undefined when the file does not have the name. */
  lookup(name: string, family: 4 | 6): readonly string[] | undefined {
    this.#refresh()
    const addresses = this.#names.get(name.toLowerCase().replace(/\.$/, ''))
    const wanted = addresses?.filter(address => (family === 4 ? isIPv4(address) : isIPv6(address)))
    return wanted && wanted.length > 0 ? wanted : undefined
  }

  #refresh(): void {
    try {
      const { mtimeMs, size } = statSync(this.#path)
      const seen = `${mtimeMs} ${size}`
      if (seen === this.#seen) return
      this.#names = parseHosts(readFileSync(this.#path, 'utf8'))
      this.#seen = seen
    } catch {
      this.#names = new Map()
      this.#seen = ''
    }
  }
}

function parseHosts(text: string): Map<string, string[]> {
  const names = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [address, ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (address === undefined || !(isIPv4(address) || isIPv6(address))) continue
    for (const alias of aliases) {
      const key = alias.toLowerCase()
      const list = names.get(key) ?? []
      if (!list.includes(address)) list.push(address)
      names.set(key, list)
    }
  }
  return names
}
