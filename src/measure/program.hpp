// A program that measures some means: `PROGRAM list` says which, `PROGRAM run WORK` does one piece of work. `wye bench`
// runs one for each piece, so that a means that hangs or crashes takes nothing else with it, and so that others'
// libraries are measured by the very same code as ours.
#pragma once
#include "wye/base/error.hpp"

#include "measure/work.hpp"

#include <nlohmann/json.hpp>

namespace wye::measure {

using Json = nlohmann::ordered_json;

Json to_json(const Means&);
Json to_json(const Work&);
Json to_json(const Taken&);
// Of what another process wrote: Errc::corrupt names what is wrong.
Result<Work> work_from(const Json&);
Result<Taken> taken_from(const Json&);

/// What main() of such a program does: the exit code. Errors go to stderr, with exit code 1.
int program_main(int argc, char** argv, const AllMeans&);

}  // namespace wye::measure
