# What `cmake --install` gives: headers, library, find_package(wye), pkg-config, the command, its man pages and completions.
option(WYE_INSTALL "Install wye with this project" ${PROJECT_IS_TOP_LEVEL})
if(NOT WYE_INSTALL)
  return()
endif()
include(CMakePackageConfigHelpers)

install(TARGETS wye EXPORT wye-targets)
install(DIRECTORY include/wye DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")

# ---- find_package(wye): the target wye::wye
set(wye_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/wye)
install(EXPORT wye-targets NAMESPACE wye:: DESTINATION ${wye_config_dir})
file(CONFIGURE OUTPUT wye-config.cmake @ONLY CONTENT [[
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include("${CMAKE_CURRENT_LIST_DIR}/wye-targets.cmake")
]])
# Before 1.0 a new minor version may change the interface.
write_basic_package_version_file(wye-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/wye-config.cmake ${PROJECT_BINARY_DIR}/wye-config-version.cmake DESTINATION ${wye_config_dir})

# ---- pkg-config; the prefix is found from where the file lies, so that the tree can be moved
cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_LIBDIR BASE_DIRECTORY /prefix OUTPUT_VARIABLE wye_pc_libdir)
file(RELATIVE_PATH wye_pc_up ${wye_pc_libdir}/pkgconfig /prefix)
# A static library's own needs are its user's; a shared one brings them along.
if(BUILD_SHARED_LIBS)
  set(wye_pc_libs "Libs: -L\${libdir} -lwye\nLibs.private: -pthread")
else()
  set(wye_pc_libs "Libs: -L\${libdir} -lwye -pthread")
endif()
file(CONFIGURE OUTPUT wye.pc @ONLY CONTENT [[
prefix=${pcfiledir}/@wye_pc_up@
includedir=${prefix}/@CMAKE_INSTALL_INCLUDEDIR@
libdir=${prefix}/@CMAKE_INSTALL_LIBDIR@

Name: wye
Description: @PROJECT_DESCRIPTION@
Version: @PROJECT_VERSION@
Cflags: -I${includedir} -pthread
@wye_pc_libs@
]])
install(FILES ${PROJECT_BINARY_DIR}/wye.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# ---- what it knows of other programs' objects, to be read; rules of one's own go to /etc/wye/rules.d
install(FILES src/registry/rules.conf DESTINATION ${CMAKE_INSTALL_DATADIR}/wye RENAME built-in-rules.conf)

# ---- man pages, where scdoc is at hand
find_program(SCDOC scdoc)
if(SCDOC)
  file(GLOB wye_pages CONFIGURE_DEPENDS docs/man/*.scd)
  set(wye_man)
  foreach(page ${wye_pages})
    get_filename_component(name ${page} NAME_WLE)  # wye.1
    string(REGEX MATCH "[0-9]$" section ${name})
    set(out ${PROJECT_BINARY_DIR}/man/${name})
    add_custom_command(OUTPUT ${out} DEPENDS ${page}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/man
      COMMAND sh -c "exec \"$1\" < \"$2\" > \"$3\"" scdoc ${SCDOC} ${page} ${out} VERBATIM)
    list(APPEND wye_man ${out})
    install(FILES ${out} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endforeach()
  add_custom_target(wye_man ALL DEPENDS ${wye_man})
else()
  message(STATUS "wye: no man pages (scdoc is missing: ./dev setup)")
endif()

# ---- others' means, measured by `wye bench --peers`
get_property(wye_peers GLOBAL PROPERTY wye_peers)
if(wye_peers)
  if(BUILD_SHARED_LIBS)
    set(wye_peers_dir /prefix/${CMAKE_INSTALL_LIBEXECDIR}/wye/peers)
    file(RELATIVE_PATH wye_lib_from_peers ${wye_peers_dir} ${wye_pc_libdir})
    set_target_properties(${wye_peers} PROPERTIES INSTALL_RPATH "$ORIGIN/${wye_lib_from_peers}")
  endif()
  install(TARGETS ${wye_peers} DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/wye/peers)
endif()

# ---- the command, and what it knows about completing itself
if(NOT WYE_CLI)
  return()
endif()
if(BUILD_SHARED_LIBS)
  file(RELATIVE_PATH wye_lib_from_bin /prefix/${CMAKE_INSTALL_BINDIR} ${wye_pc_libdir})
  set_target_properties(wye_cli PROPERTIES INSTALL_RPATH "$ORIGIN/${wye_lib_from_bin}")
endif()
install(TARGETS wye_cli)
if(NOT CMAKE_CROSSCOMPILING)
  set(wye_completions)
  foreach(shell bash zsh fish)
    set(out ${PROJECT_BINARY_DIR}/completions/wye.${shell})
    add_custom_command(OUTPUT ${out} DEPENDS wye_cli
      COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/completions
      COMMAND sh -c "exec \"$1\" completion \"$2\" > \"$3\"" completion $<TARGET_FILE:wye_cli> ${shell} ${out} VERBATIM)
    list(APPEND wye_completions ${out})
  endforeach()
  add_custom_target(wye_completions ALL DEPENDS ${wye_completions})
  set(completions ${PROJECT_BINARY_DIR}/completions)
  install(FILES ${completions}/wye.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME wye)
  install(FILES ${completions}/wye.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _wye)
  install(FILES ${completions}/wye.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
