# Sourced by build and install: compiles a C# program for a runtime, and starts it. The sources
# are the same for both; NETCOREAPP selects code for CoreCLR.

# choose_runtime mono|coreclr:PATH: sets `suffix`, `start` and `references`.
choose_runtime() {
  references=()
  case $1 in
    mono)
      suffix=exe
      start=(mono)
      ;;
    coreclr:*)
      local dotnet=${1#coreclr:} folder name
      folder=$(echo "$(dirname "$dotnet")"/shared/Microsoft.NETCore.App/*/ | tail -n 1)
      [ -x "$dotnet" ] && [ -e "$folder/System.Private.CoreLib.dll" ] ||
        { echo "no .NET Core runtime at $dotnet" >&2; return 2; }
      suffix=dll
      start=(env DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 "$(realpath "$dotnet")")
      framework=$(basename "$folder")
      # 1702: mcs doubts references between facades that are equal.
      references=(-nostdlib -noconfig -nowarn:1702 -d:NETCOREAPP)
      for name in System.Private.CoreLib System.Runtime System.Runtime.Extensions \
          System.Runtime.InteropServices System.Runtime.Loader System.Collections \
          System.Collections.Concurrent System.ComponentModel.Primitives System.Console \
          System.Diagnostics.Process System.IO.FileSystem System.Linq System.Memory \
          System.Threading System.Threading.Tasks System.Threading.Thread; do
        references+=("-r:$folder/$name.dll")
      done
      ;;
    *)
      echo "the runtime is '$1'; it must be mono or coreclr:PATH_OF_dotnet" >&2
      return 2
      ;;
  esac
}

# compile OUTPUT OPTIONS...: warnings are errors. mcs supports C# 7.2.
compile() {
  local output=$1
  shift
  mcs -langversion:7.2 -warnaserror -optimize "${references[@]}" "-out:$output" "$@"
  if [ "$suffix" = dll ]; then
    printf '{"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"%s"}}}\n' \
      "$framework" > "${output%.dll}.runtimeconfig.json"
  fi
}

# launcher FOLDER NAME ASSEMBLY: writes FOLDER/run-NAME.
launcher() {
  {
    echo '#!/usr/bin/env bash'
    printf 'exec'
    printf ' %q' "${start[@]}"
    printf ' "$(dirname "$(realpath "$0")")"/%q "$@"\n' "$3.$suffix"
  } > "$1/run-$2"
  chmod +x "$1/run-$2"
}
