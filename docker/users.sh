#!/bin/sh
# Create Airflow's user, with the ids that the builder wants, and the runners', who may read nothing of Airflow's.
set -eu
uid=$1 gid=$2
runner=50001

refuse() {
    echo "AIRFLOW_UID=$uid and AIRFLOW_GID=$gid cannot be: $1; write others into .env" >&2
    exit 1
}

case $uid$gid in *[!0-9]*) refuse "they are no numbers" ;; esac
if [ "$uid" = 0 ]; then
    echo "AIRFLOW_UID=0 is root, and nothing here runs as root: Airflow runs as 50000 instead"
    uid=50000
fi
[ "$uid" != $runner ] || refuse "$runner is the runners' user"
[ "$gid" != $runner ] || refuse "$runner is the runners' group"
owner=$(getent passwd "$uid" | cut -d: -f1)
[ -z "$owner" ] || refuse "$uid is the user $owner of the base image"

getent group "$gid" >/dev/null || groupadd --gid "$gid" airflow
groupadd --gid $runner isthmus-runner
useradd --system --uid $runner --gid $runner --no-create-home --shell /usr/sbin/nologin isthmus-runner
# Through the runners' group Airflow shares an attempt's directories with its runner.
useradd --uid "$uid" --gid "$gid" --groups isthmus-runner --home-dir /opt/airflow --shell /bin/sh airflow

# Volumes that are mounted here start as these directories are.
install -d -o airflow -g "$gid" -m 0700 /opt/airflow /opt/airflow/logs
install -d -m 0755 /var/lib/isthmus
install -d -o airflow -g "$gid" -m 0755 /var/lib/isthmus/runs /var/lib/isthmus/cache
install -d -o airflow -g "$gid" -m 0700 /var/lib/isthmus/deployments
install -d -o airflow -g isthmus-runner -m 2770 /var/lib/isthmus/runner

# What docs/security.md asks for. The user is named by its number, whatever other name that has.
python=/opt/venvs/platform/bin/python
runners=/opt/isthmus/platform/isthmus_platform/runners
for file in supervisor directories; do
    echo "#$uid ALL=(isthmus-runner) NOPASSWD: $python -I -S $runners/$file.py *"
done > /etc/sudoers.d/isthmus
chmod 0440 /etc/sudoers.d/isthmus
visudo -cq
