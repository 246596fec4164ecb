// wye mk, wye rm: objects that outlive their makers.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

namespace wye::cli {
namespace {

struct MakeOptions {
    std::vector<std::string> uris;
    std::string mode = "0600";
    bool exist_ok = false;
};

int run_mk(const MakeOptions& o) {
    unsigned mode = 0;
    for (const char c : o.mode) {
        if (c < '0' || c > '7' || mode > 0777)
            return usage_error("mk", fmt::format("--mode={}: write it in octal as 0600 or 0660", escape(o.mode)));
        mode = mode * 8 + static_cast<unsigned>(c - '0');
    }
    if (mode == 0 || mode > 0777)
        return usage_error("mk", fmt::format("--mode={}: write it in octal as 0600 or 0660", escape(o.mode)));
    int worst = exit_ok;
    for (const auto& uri : o.uris) {
        auto r = make(uri, {.create = o.exist_ok ? Create::if_missing : Create::exclusive, .permissions = mode});
        if (!r) worst = std::max(worst, report("mk", r.error()));
    }
    return worst;
}

Run define_mk(Arguments& app) {
    auto o = std::make_shared<MakeOptions>();
    app.add_option("uri", o->uris,
                   "what to make: fifo:/path, posix-mq:/name?depth=10, posix-shm:/name?size=1M, sysv-mq:/path#n")
        ->required();
    app.add_option("-m,--mode", o->mode, "its permissions, in octal; the umask is not applied")->type_name("MODE");
    app.add_flag("--exist-ok", o->exist_ok, "no error if it is there already");
    return [o] { return run_mk(*o); };
}

struct RemoveOptions {
    std::vector<std::string> uris;
    bool force = false, dry_run = false;
};

int run_rm(const RemoveOptions& o) {
    int worst = exit_ok;
    for (const auto& uri : o.uris) {
        const auto r = remove(uri, {.dry_run = o.dry_run});
        if (r && o.dry_run) say("would remove {}\n", escape(uri));
        if (!r && !(o.force && r.error().is(Errc::not_found))) worst = std::max(worst, report("rm", r.error()));
    }
    return worst;
}

Run define_rm(Arguments& app) {
    auto o = std::make_shared<RemoveOptions>();
    app.add_option("uri", o->uris, "what to remove; whoever has it open keeps it")->required();
    app.add_flag("-f,--force", o->force, "no error if it is not there");
    app.add_flag("-n,--dry-run", o->dry_run, "say what would be removed");
    return [o] { return run_rm(*o); };
}

}  // namespace

extern const Command mk_command;
const Command mk_command{
    .name = "mk",
    .arguments = "URI...",
    .summary = "make a FIFO, a queue, a file, and leave it there",
    .examples =
        "wye mk fifo:/tmp/f\nwye mk --mode 0660 'posix-mq:/jobs?depth=10&size=8K'\nwye mk sysv-mq:/etc/hostname#7",
    .define = define_mk,
    .completes_uris = true};

extern const Command rm_command;
const Command rm_command{.name = "rm",
                         .arguments = "URI...",
                         .summary = "remove what a URI names",
                         .examples = "wye rm fifo:/tmp/f posix-mq:/jobs\nwye rm --dry-run sysv-mq:key=0x51",
                         .define = define_rm,
                         .completes_uris = true};

}  // namespace wye::cli
