# The native hot path. Sources are listed by scripts, so that a new file needs no line here. RE2 is compiled into the addon
# from the sources inside npm's `re2`; everything else it needs (libuv, llhttp, OpenSSL) is what the running Node carries.
{
  'target_defaults': {
    'cflags!': ['-Wno-unused-parameter'],
    'cflags_cc!': ['-std=gnu++17', '-std=gnu++20'],
    'cflags_cc': ['-std=c++20', '-fno-exceptions', '-fno-rtti', '-fvisibility=hidden'],
  },
  'targets': [
    {
      'target_name': 're2',
      'type': 'static_library',
      'sources': ['<!@(node scripts/re2-sources.mjs)'],
      'include_dirs': ['<!@(node scripts/re2-sources.mjs --include)'],
      'defines': ['NDEBUG'],
      'cflags_cc': ['-w'],
    },
    {
      'target_name': 'nuncio',
      'type': 'loadable_module',
      'dependencies': ['re2'],
      'sources': ['<!@(node scripts/native-sources.mjs --units)'],
      'include_dirs': ['native', '.'],
      'defines': ['NAPI_VERSION=8', 'NAPI_DISABLE_CPP_EXCEPTIONS', 'NODE_ADDON_API_DISABLE_DEPRECATED'],
      'cflags_cc': [
        '-O2', '-Wall', '-Wextra', '-Werror', '-Wno-restrict', '-Wno-subobject-linkage',  # GCC 12 warns of its own std::string; units have no headers
        '-Wno-subobject-linkage',  # joined sources are no headers
        '<!@(node scripts/native-sources.mjs --system-includes)',
      ],
      # An addon that carries its own copy of a library which Node exports must never call Node's by accident.
      'ldflags': ['-Wl,-Bsymbolic', '-Wl,--gc-sections'],
      'cflags': ['-ffunction-sections', '-fdata-sections'],
    },
  ],
}
