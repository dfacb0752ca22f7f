import { lstat, unlink } from 'node:fs/promises'

/** Removes the socket file that an earlier process left at `path`; other files stay, so that binding fails on them. */
export async function unlinkStaleSocket(path: string): Promise<void> {
  if (path.startsWith('@')) return
  try {
    if ((await lstat(path)).isSocket()) await unlink(path)
  } catch {
    // nothing there
  }
}
