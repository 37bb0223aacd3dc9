# The folder of this Julia's image of the agent, "" where there can be none. All that makes an image another one is in
# its name: the agent, Julia's version and build, the processor, the system image and how Julia was started.
let user = get(ENV, "ENGEE_USER_DIR", "/user"), options = Base.JLOptions()
    if !Sys.islinux() || options.use_pkgimages != 1 || options.use_compiled_modules != 1 || !isdir(user)
        ""
    else
        local system = unsafe_string(options.image_file)
        local target = options.cpu_target == C_NULL ? "" : unsafe_string(options.cpu_target)
        local facts = string(Base.GIT_VERSION_INFO.commit, ' ', Sys.MACHINE, ' ', Sys.CPU_NAME, ' ', target, ' ',
                             get(ENV, "JULIA_CPU_TARGET", ""), ' ', system, ' ', filesize(system), ' ', mtime(system), ' ',
                             ccall(:jl_cache_flags, UInt8, ()), ' ', options.code_coverage, ' ', options.malloc_log)
        joinpath(user, ".engee_kernel_images", string("AGENT_NAME-", VERSION, "-", string(hash(facts), base = 16, pad = 16)))
    end
end
