// Certificates of one run: self-signed, made anew each time, ECDSA P-256 and RSA 2048.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './processes.mjs'
import { findProgram, toolEnvironment } from './tools.mjs'

const kKeys = {
  ecdsa: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['-newkey', 'rsa:2048'],
}

/**
 * @param {string} dir
 * @returns {Promise<string>} a folder with NAME.crt, NAME.key, and NAME.pem with both
 */
export async function makeCertificates(dir) {
  const folder = join(dir, 'certificates')
  mkdirSync(folder, { recursive: true })
  const openssl = findProgram('openssl')
  if (openssl === undefined) throw new Error('openssl is missing: it makes the certificates')
  for (const [name, key] of Object.entries(kKeys)) {
    const certificate = join(folder, `${name}.crt`)
    const keyFile = join(folder, `${name}.key`)
    const subject = ['-subj', '/CN=bench.test', '-addext', 'subjectAltName=DNS:bench.test,IP:127.0.0.1']
    const made = await run(
      [openssl, 'req', '-x509', ...key, '-nodes', '-days', '2', ...subject, '-keyout', keyFile, '-out', certificate],
      { env: toolEnvironment() },
    )
    if (made.code !== 0) throw new Error(`openssl made no certificate: ${made.stderr.trim().split('\n').at(-1)}`)
    writeFileSync(join(folder, `${name}.pem`), readFileSync(certificate, 'utf8') + readFileSync(keyFile, 'utf8'))
  }
  return folder
}
