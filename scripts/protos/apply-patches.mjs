// Merges the descriptors of src/protos/patches into those they patch. See scripts/generate-protos.mjs.
const filePrefix = 'patches/'
const typePrefix = '.patch.'

/** Takes all FileDescriptorProtos of the image; returns them without the patches, dependencies first. */
export function applyPatches(files) {
  const targets = new Map(files.filter(file => !file.name.startsWith(filePrefix)).map(file => [file.name, file]))
  for (const file of files) {
    renameReferences(file)
    if (!file.name.startsWith(filePrefix)) continue
    const target = targets.get(file.name.slice(filePrefix.length))
    if (!target) throw new Error(`${file.name} patches a file that does not exist`)
    patchFile(target, file)
  }
  for (const file of targets.values()) {
    const names = file.dependency.map(name => (name.startsWith(filePrefix) ? name.slice(filePrefix.length) : name))
    file.dependency = [...new Set(names)].filter(name => name !== file.name)
    file.publicDependency = []
    file.weakDependency = []
  }
  return dependenciesFirst(targets)
}

function patchFile(target, patch) {
  target.dependency.push(...patch.dependency)
  patchList(target.messageType, patch.messageType, patchMessage)
  patchList(target.enumType, patch.enumType, replaceEnum)
}

function patchMessage(target, patch) {
  target.field = target.field.filter(field => !patch.reservedName.includes(field.name))
  patchList(target.nestedType, patch.nestedType, patchMessage)
  patchList(target.enumType, patch.enumType, replaceEnum)
  for (const field of patch.field) {
    if (Object.hasOwn(field, 'oneofIndex')) field.oneofIndex = oneofIndex(target, patch.oneofDecl[field.oneofIndex])
    const old = target.field.findIndex(other => other.name === field.name)
    if (old >= 0) target.field[old] = field
    else target.field.push(field)
  }
}

function oneofIndex(target, oneof) {
  const index = target.oneofDecl.findIndex(other => other.name === oneof.name)
  if (index < 0) return target.oneofDecl.push(oneof) - 1
  target.oneofDecl[index] = oneof
  return index
}

function replaceEnum(target, patch) {
  target.value = patch.value
}

function patchList(targets, patches, apply) {
  for (const patch of patches) {
    const target = targets.find(other => other.name === patch.name)
    if (target) apply(target, patch)
    else targets.push(patch)
  }
}

function renameReferences(file) {
  const visit = message => {
    for (const field of message.field) {
      if (field.typeName.startsWith(typePrefix)) field.typeName = `.${field.typeName.slice(typePrefix.length)}`
    }
    for (const nested of message.nestedType) visit(nested)
  }
  for (const message of file.messageType) visit(message)
}

function dependenciesFirst(files) {
  const done = new Set()
  const visit = name => {
    const file = files.get(name)
    if (!file || done.has(file)) return
    for (const dependency of file.dependency) visit(dependency)
    done.add(file)
  }
  for (const name of files.keys()) visit(name)
  return [...done]
}
