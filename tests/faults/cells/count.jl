open(io -> println(io, "KEY"), joinpath(get(ENV, "ENGEE_USER_DIR", "/user"), "runs.txt"), "a");
