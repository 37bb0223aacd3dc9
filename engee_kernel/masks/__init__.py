"""Masks: comments such as `# @param {type:"slider", min:0, max:20}`, which make a line of code a control. No I/O."""
