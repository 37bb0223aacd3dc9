EngeeKernel.display("KEY none"; id = "KEY")
for i in 1:LINES
    display("text/html", "<p>KEY shown $i</p>")
    EngeeKernel.update("KEY seen $i"; id = "KEY")
    sleep(PAUSE)
end
NUMBER
