#include "command.hpp"
namespace wye::cli {
namespace {
Run define(CLI::App&) { return [] { return int{exit_failed}; }; }
}
extern const Command tour_command;
const Command tour_command{.name = "tour", .arguments = "[FILE]", .summary = "every means of the kernel carries a real file between real processes", .examples = "wye tour", .define = define};
}
