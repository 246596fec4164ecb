// wye completion SHELL, and the hidden verb that the scripts ask.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

namespace wye::cli {
namespace {

constexpr const char* bash_script =
    R"sh(# bash completion for wye: source it, or install it as .../bash-completion/completions/wye
_wye() {
    local IFS=$'\n'
    local line="${COMP_LINE:0:COMP_POINT}"
    local -a words
    IFS=' ' read -r -a words <<< "$line"
    [[ $line == *' ' ]] && words+=('')
    COMPREPLY=($(wye __complete -- "${words[@]:1}" 2>/dev/null))
    # readline splits at ':' and replaces only what follows it
    local cur="${words[${#words[@]}-1]}"
    if [[ $cur == *:* ]]; then
        local head="${cur%"${cur##*:}"}"
        local i
        for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]="${COMPREPLY[i]#"$head"}"; done
    fi
    [[ ${#COMPREPLY[@]} -eq 0 ]] && COMPREPLY=($(compgen -f -- "$cur"))
    [[ ${COMPREPLY[0]} == *: ]] && compopt -o nospace
}
complete -F _wye wye
)sh";
constexpr const char* zsh_script = R"sh(#compdef wye
_wye() {
    local -a found
    found=(${(f)"$(wye __complete -- ${words[2,CURRENT]} 2>/dev/null)"})
    (( $#found )) && compadd -Q -S '' -- $found || _files
}
_wye "$@"
)sh";
constexpr const char* fish_script = R"sh(# fish completion for wye
complete -c wye -f -a '(wye __complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
)sh";

Run define_completion(Arguments& app) {
    auto shell = std::make_shared<std::string>();
    app.add_option("shell", *shell, "bash, zsh or fish")->required();
    return [shell] {
        const char* script = *shell == "bash"   ? bash_script
                             : *shell == "zsh"  ? zsh_script
                             : *shell == "fish" ? fish_script
                                                : nullptr;
        if (!script)
            return usage_error("completion",
                               fmt::format("unknown shell \"{}\"; write bash, zsh or fish", escape(*shell)));
        say("{}", script);
        return int{exit_ok};
    };
}

// Live objects of the rooms whose scheme fits what is typed so far.
void complete_uri(std::string_view word) {
    const auto colon = word.find(':');
    for (const auto* m : mechanisms()) {
        const auto scheme = std::string(m->traits.scheme) + ":";
        if (colon == std::string_view::npos) {
            if (scheme.starts_with(word)) say("{}\n", scheme);
        } else if (m->list && word.substr(0, colon + 1) == scheme) {
            (void)m->list([&](const Object& o) {
                if (o.uri.starts_with(word) && o.uri.find_first_of(" \n'\"\\") == std::string::npos) say("{}\n", o.uri);
            });
        }
    }
}

int complete(const std::vector<std::string>& words) {
    const std::string_view current = words.empty() ? std::string_view() : words.back();
    if (words.size() <= 1) {
        for (const auto* c : commands())
            if (std::string_view(c->name).starts_with(current) && !std::string_view(c->name).starts_with("__"))
                say("{}\n", c->name);
        for (const std::string_view v : {"help", "version"})
            if (v.starts_with(current)) say("{}\n", v);
        return exit_ok;
    }
    for (const auto* c : commands()) {
        if (words[0] != c->name) continue;
        if (current.starts_with("-")) {
            Arguments app;
            (void)c->define(app);
            for (const auto& n : app.long_names())
                if (n.starts_with(current)) say("{}\n", n);
        } else if (c->completes_uris) {
            complete_uri(current);
        }
    }
    return exit_ok;
}

Run define_complete(Arguments& app) {
    auto words = std::make_shared<std::vector<std::string>>();
    app.add_option("words", *words);
    return [words] { return complete(*words); };
}

}  // namespace

extern const Command completion_command, complete_command;
const Command completion_command{.name = "completion",
                                 .arguments = "bash|zsh|fish",
                                 .summary = "the completion script of a shell",
                                 .examples = "source <(wye completion bash)",
                                 .define = define_completion};
const Command complete_command{
    .name = "__complete", .arguments = "-- WORD...", .summary = "", .examples = "", .define = define_complete};

}  // namespace wye::cli
