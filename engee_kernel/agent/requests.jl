# The calls beside the running of cells: prompts, completion, inspection, variables, state, files.

function answer(epoch, cell_id, prompt_id, text = nothing)
    return reply(epoch) do
        cell = find_cell(cell_id)
        cell === nothing &&
            return object("answered" => false, "state" => is_forgotten(cell_id) ? "forgotten" : "unknown")
        return answer_prompt(cell, Int(prompt_id), text)
    end
end

function complete(epoch, notebook, code, cursor)
    return reply(() -> Base.invokelatest(completions_of, module_of(notebook), String(code), Int(cursor)), epoch)
end

function inspect(epoch, notebook, code, cursor, detail = 0)
    return reply(epoch) do
        return Base.invokelatest(inspection, module_of(notebook), String(code), Int(cursor), Int(detail))
    end
end

is_complete(epoch, code) = reply(() -> completeness(String(code)), epoch)

function variables(epoch, notebook)
    return reply(() -> object("variables" => Base.invokelatest(describe_variables, module_of(notebook))), epoch)
end
reset(epoch, notebook) = reply(() -> Base.invokelatest(reset_workspace, notebook), epoch)
metrics(epoch) = reply(metrics_object, epoch)
cells(epoch) = reply(() -> object("cells" => cells_list()), epoch)

files_list(epoch, path) = reply(() -> list_directory(path), epoch)
file_stat(epoch, path) = reply(() -> file_object(existing(path)), epoch)
function make_dir(epoch, path)
    return reply(epoch) do
        full = expand_path(path)
        about_file(() -> mkpath(full), full)
        return object("path" => full)
    end
end
remove(epoch, path, recursive = false) = reply(() -> remove_path(path, recursive), epoch)
move(epoch, from, to, force = false) = reply(() -> transfer_path(mv, from, to, force), epoch)
copy_file(epoch, from, to, force = false) = reply(() -> transfer_path(cp, from, to, force), epoch)
find(epoch, path, pattern) = reply(() -> find_paths(path, pattern), epoch)
read_head(epoch, path, max_bytes = 65536) = reply(() -> head_of_file(path, Int(max_bytes)), epoch)
sha256(epoch, path) = reply(() -> sha256_of_file(path), epoch)
commit_upload(epoch, staging_dir, pairs) = reply(() -> commit_staging(staging_dir, pairs), epoch)
function remove_staging(epoch, staging_dir)
    return reply(epoch) do
        remove_staging_directory(expand_path(staging_dir))
        return object("path" => expand_path(staging_dir))
    end
end
