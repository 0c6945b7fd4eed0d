-- What the writer calls to move its offsets, from where it left them and in its own epoch alone. If they are not there this raises, and with
-- that the transaction comes to nothing whatever is sent behind: so COMMIT need not wait until the writer has heard of it.
CREATE FUNCTION aisd_move_offsets(of_instance int2, of_writer int2, of_epoch int8, was int8[], upto int8[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE aisd_offsets SET next_seq = upto
    WHERE instance = of_instance AND writer = of_writer AND epoch = of_epoch AND next_seq = was;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the offsets of writer % of instance % are not where it left them', of_writer, of_instance
      USING ERRCODE = 'MOVED';
  END IF;
END
$$;
